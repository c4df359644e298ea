// Go for so many seconds: two goroutines with JSON, maps, sorting, recursion, the collector, channels and timers.
package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

type record struct {
	Name   string
	Values []int
	Count  map[string]int
}

func tree(depth int) int {
	if depth == 0 {
		return 1
	}
	return tree(depth-1) + tree(depth-1)&1
}

func work(n int) int {
	r := record{Name: "x" + strconv.Itoa(n), Count: map[string]int{}}
	for i := 0; i < 50; i++ {
		r.Values = append(r.Values, i*n%1009)
		r.Count[strconv.Itoa(i*7%31)] += i
	}
	sort.Slice(r.Values, func(a, b int) bool { return r.Values[a] < r.Values[b] })
	b, _ := json.Marshal(r)
	var back record
	if err := json.Unmarshal(b, &back); err != nil {
		panic(err)
	}
	h := fnv.New64a()
	h.Write(b)
	return int(h.Sum64()&7) + tree(8)
}

func main() {
	seconds, _ := strconv.ParseFloat(os.Args[1], 64)
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	results := make(chan int)
	var all sync.WaitGroup
	for i := 0; i < 2; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; time.Now().Before(end); n++ {
				results <- work(n)
			}
		}()
	}
	go func() { all.Wait(); close(results) }()
	total := 0
	for r := range results {
		total += r
	}
	fmt.Println(total)
}
