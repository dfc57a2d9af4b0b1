package storecmd

import (
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// bytesFlag adds a flag that is a number of bytes as the Caddyfile has them.
func bytesFlag(cmd *cobra.Command, name string, value int64, usage string) {
	cmd.Flags().Var((*byteSize)(&value), name, usage)
}

// bytes is the value of a flag that bytesFlag has added.
func bytes(c *command.Call, name string) int64 { return int64(*c.Lookup(name).Value.(*byteSize)) }

type byteSize int64

// Set implements pflag.Value.
func (b *byteSize) Set(text string) error {
	parsed, err := humanize.ParseBytes(text)
	if err == nil && parsed > math.MaxInt64 {
		err = strconv.ErrRange
	}
	*b = byteSize(parsed)
	return err
}

// String implements pflag.Value.
func (b *byteSize) String() string { return strings.ReplaceAll(command.Size(int64(*b)), " ", "") }

// Type implements pflag.Value.
func (*byteSize) Type() string { return "size" }
