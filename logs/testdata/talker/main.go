// Talker is what the containers of the tests run: it writes what its arguments say.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-stop
		os.Exit(0)
	}()
	for _, what := range os.Args[1:] {
		say(strings.Split(what, ","))
	}
}

func say(what []string) {
	number := func(i int) int {
		n, err := strconv.Atoi(what[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch what[0] {
	case "out":
		fmt.Println(what[1])
	case "err":
		fmt.Fprintln(os.Stderr, what[1])
	case "print": // without a newline
		fmt.Print(what[1])
	case "long": // so many bytes of a character, some of them at a time
		for left := number(2); left > 0; {
			n := min(left, 1<<20)
			_, _ = io.WriteString(os.Stdout, strings.Repeat(what[1], n))
			left -= n
		}
		fmt.Println()
	case "binary":
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		_, _ = os.Stdout.Write(append(every, '\n'))
	case "burst": // numbered lines, as fast as possible
		var b strings.Builder
		for i := range number(1) {
			fmt.Fprintf(&b, "line %d of a burst, as long as lines often are, with [info] and a session\n", i)
		}
		_, _ = io.WriteString(os.Stdout, b.String())
	case "count": // numbered lines for ever: one each so many microseconds, on both streams in turn
		begin := time.Now()
		for i := 0; ; i++ {
			time.Sleep(time.Until(begin.Add(time.Duration(i*number(1)) * time.Microsecond)))
			to := os.Stdout
			if i%2 == 1 {
				to = os.Stderr
			}
			fmt.Fprintf(to, "run %d line %d\n", begin.UnixNano(), i)
		}
	case "busy": // a core
		for end := time.Now().Add(time.Duration(number(1)) * time.Second); time.Now().Before(end); {
		}
	case "sleep": // so many milliseconds
		time.Sleep(time.Duration(number(1)) * time.Millisecond)
	case "wait":
		select {}
	case "exit":
		os.Exit(number(1))
	}
}
