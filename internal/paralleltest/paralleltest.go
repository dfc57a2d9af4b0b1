package paralleltest

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
)

// AtOnce lets n of a package's parallel tests run at a time, or as many as there are processors when those are more. It is called
// from TestMain, before the tests run. A -parallel on the command line has the last word.
func AtOnce(n int) {
	set("test.parallel", max(n, runtime.GOMAXPROCS(0)))
}

// Draws lets each random test of a package draw n cases, for one whose cases are dear. It is called from TestMain, before the tests run. A
// -rapid.checks on the command line has the last word.
func Draws(n int) { set("rapid.checks", n) }

// set sets a flag that is not on the command line.
func set(name string, value int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, strconv.Itoa(value)); err != nil {
		panic(fmt.Sprintf("there is no flag %s: %v", name, err))
	}
}
