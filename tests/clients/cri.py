#!/usr/bin/python3
"""cri.py SOCKET HANDLER IMAGE LOGS COMMAND...: as a kubelet asks containerd for a pod in the node's network and one
container in it. Prints what the container says, and what exec answers. Messages of CRI are few and small: made by hand."""
import sys, time
import grpc

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])

def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value

def message(**fields):  # f1=..., f2=[...]
    out = b""
    for name, value in fields.items():
        for v in value if isinstance(value, list) else [value]:
            out += field(int(name[1:]), v)
    return out

def parse(data):
    out, at = {}, 0
    def number():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return n
    while at < len(data):
        key = number()
        if key & 7 == 0:
            out[key >> 3] = number()
        else:
            n = number()
            out[key >> 3] = data[at:at + n]
            at += n
    return out

socket, handler, image, logs = sys.argv[1:5]
channel = grpc.insecure_channel("unix://" + socket)

def call(method, request):
    stub = channel.unary_unary("/runtime.v1.RuntimeService/" + method, lambda x: x, lambda x: x)
    for left in range(50, -1, -1):
        try:
            return parse(stub(request, timeout=60))
        except grpc.RpcError as e:  # the plugin starts after the socket
            if not left or e.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED):
                sys.exit("%s: %s" % (method, e.details()))
            time.sleep(0.2)

own, node = 1, 2
spaces = message(f1=node, f2=own) # network, PIDs
pod = message(f1=message(f1="try", f2="uid-1", f3="default"), f3=logs, f8=message(f2=message(f1=spaces)))
sandbox = call("RunPodSandbox", message(f1=pod, f2=handler))[1]
def container(name, command):
    config = message(f1=message(f1=name), f2=message(f1=image), f3=command, f11=name + ".log",
                     f15=message(f2=message(f3=spaces)))
    id = call("CreateContainer", message(f1=sandbox, f2=config, f3=pod))[1]
    call("StartContainer", message(f1=id))
    return id
container("main", sys.argv[5:])
other = container("other", ["sleep", "1000"])
for _ in range(100):
    try:
        text = open(logs + "/main.log").read()
    except OSError:
        text = ""
    if text:
        break
    time.sleep(0.1)
print("container:", *[line.split(" ", 3)[3] for line in text.splitlines()])
done = call("ExecSync", message(f1=other, f2=["sh", "-c", "uname -r; exit 3"], f3=10))
print("exec:", done.get(1, b"").decode().strip(), "status", done.get(3, 0))
call("StopPodSandbox", message(f1=sandbox))
call("RemovePodSandbox", message(f1=sandbox))
