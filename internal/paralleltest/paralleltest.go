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
	const name = "test.parallel"
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, strconv.Itoa(max(n, runtime.GOMAXPROCS(0)))); err != nil {
		panic(fmt.Sprintf("the testing package has no flag %s any more: %v", name, err))
	}
}
