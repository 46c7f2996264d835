# linux.seccomp: the guest kernel does to the program's calls what the profile says; what cannot be done is refused.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=t$$

# The shape of an engine's standard profile: what is not named fails.
profile='names = """access arch_prctl brk chdir clone clone3 close dup dup2 dup3 execve execveat exit exit_group faccessat
 faccessat2 fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgrp getpid getppid getrandom
 getrlimit gettid getuid ioctl lseek lstat mmap mprotect munmap nanosleep clock_nanosleep newfstatat open openat pipe pipe2
 poll prctl pread64 prlimit64 read readlink readlinkat rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list
 set_tid_address setgid setuid stat statx sysinfo tgkill uname umask vfork wait4 write writev no_such_call_at_all
 utimensat unlink unlinkat""".split()
p = c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
  "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": v, "op": "SCMP_CMP_EQ"} for v in (0, 4294967295)]},
    {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
config "$profile" 'sh("echo hi >/tmp/f && cat /tmp/f; mkdir /tmp/d; busybox chmod 600 /tmp/f; grep Seccomp /proc/self/status")'
out=$(oci run -b b $id 2>&1)
matches 'what is named works' "$out" '^hi'
matches 'mkdir is refused' "$out" "mkdir: can't create directory '/tmp/d': Operation not permitted"
matches 'an error of its own' "$out" 'chmod: /tmp/f: No space left on device'
matches 'status' "$out" $'Seccomp:\t2.*Seccomp_filters:\t1'
config "$profile" 'p["syscalls"][0]["names"] += ["mkdir"]' 'sh("mkdir /tmp/d && echo made")'
says 'with mkdir' 0 made oci run -b b $id

# Without noNewPrivileges, as another user, and for what is executed later.
config "$profile" 'c["process"]["noNewPrivileges"] = False' 'c["process"]["user"]["uid"] = 1000' 'sh("mkdir /tmp/d || echo no; sleep 100")'
ends 'create' 0 oci create -b b $id </dev/null >out.txt 2>&1
ends 'start' 0 oci start $id
says 'exec' 1 "mkdir: can't create directory '/tmp/e': Operation not permitted" oci exec $id mkdir /tmp/e
says 'exec of a process file' 1 "mkdir: can't create directory '/tmp/e': Operation not permitted" \
	bash -c 'echo "{\"args\": [\"mkdir\", \"/tmp/e\"], \"cwd\": \"/\", \"env\": [\"PATH=/bin\"], \"user\": {\"uid\": 0, \"gid\": 0}}" >p.json
		"$0" --root "$1/states" --platform "$2" exec -p p.json "$3"' "$LIMPET" "$work" "$PLATFORM" $id
oci delete --force $id

# Other actions.
only() { config "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': '$1'}]}" 'sh("mkdir /tmp/d; echo $?")'; }
only SCMP_ACT_KILL_PROCESS
matches 'killed' "$(oci run -b b $id 2>&1)" '159'
only SCMP_ACT_TRAP
matches 'trapped' "$(oci run -b b $id 2>&1)" '159'
only SCMP_ACT_LOG
says 'logged' 0 0 oci run -b b $id

# What cannot be done.
refused() { # WHAT CHANGE PATTERN
	config "$profile" "$2"
	ends "$1" 1 oci run -b b $id
	matches "$1" "$(oci run -b b $id 2>&1)" "$3"
	ends "$1: nothing is left" 1 oci state $id
}
refused 'notify' 'p["syscalls"][2]["action"] = "SCMP_ACT_NOTIFY"' 'linux.seccomp.listenerPath: is missing'
refused 'an action' 'p["defaultAction"] = "SCMP_ACT_NONE"' 'linux.seccomp.defaultAction.*SCMP_ACT_NONE'
refused 'no action' 'del p["defaultAction"]' 'linux.seccomp.defaultAction.*missing'
refused 'a machine' 'p["architectures"] = ["SCMP_ARCH_Z80"]' 'linux.seccomp.architectures.*SCMP_ARCH_Z80'
refused 'a flag' 'p["flags"] = ["X"]' 'linux.seccomp.flags.*X is not'
refused 'an operator' 'p["syscalls"][1]["args"][0]["op"] = "X"' 'linux.seccomp.syscalls.*op.*X is not'
refused 'an argument' 'p["syscalls"][1]["args"][0]["index"] = 6' 'linux.seccomp.syscalls.*index'
refused 'another type' 'c["linux"]["seccomp"] = []' 'linux.seccomp'
finish
