# seconds: 120
# needs: go
# Go's net/http: a thousand requests on connections that are kept, a hundred on ones that are not, over HTTP/2 and a unix
# socket; deadlines; names.
export HOME=$PWD GOCACHE=$PWD/cache GOFLAGS=-mod=mod CGO_ENABLED=0
cat >t.go <<'G'
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

func get(c *http.Client, url string, n int) (ok int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := 0; w < 10; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n/10; i++ {
				r, err := c.Post(url, "text/plain", strings.NewReader("hello"))
				if err != nil {
					fmt.Println(err)
					return
				}
				b, _ := io.ReadAll(r.Body)
				r.Body.Close()
				if string(b) == "HELLO" {
					mu.Lock()
					ok++
					mu.Unlock()
				}
			}
		}()
	}
	wg.Wait()
	return
}

func main() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		io.WriteString(w, strings.ToUpper(string(b)))
	})
	s := httptest.NewServer(h)
	fmt.Println(get(&http.Client{}, s.URL, 1000), get(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, s.URL, 100))
	s.Close()
	t := httptest.NewUnstartedServer(h)
	t.EnableHTTP2 = true
	t.StartTLS()
	fmt.Println(get(t.Client(), t.URL, 500))
	t.Close()
	l, err := net.Listen("unix", "sock")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, h)
	u := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return net.Dial("unix", "sock")
	}}}
	fmt.Println(get(u, "http://x/", 500))
	a, _ := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	a.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _, err = a.ReadFromUDP(make([]byte, 10))
	fmt.Println(err.(net.Error).Timeout())
	_, err = net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	fmt.Println(strings.Contains(err.Error(), "refused"))
	fmt.Println(net.LookupHost("localhost"))
}
G
go run t.go
