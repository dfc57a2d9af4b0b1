package storecmd

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// clearLine empties a terminal's line.
const clearLine = "\r\x1b[K"

// meter shows on a terminal how far something is, in one line, and shows nothing elsewhere.
type meter struct {
	to    io.Writer
	shown bool
	next  time.Time
	step  string
	begun time.Time // of the step
}

func newMeter(to io.Writer) *meter {
	return &meter{to: to, shown: command.IsTerminal(to)}
}

const meterEvery = 200 * time.Millisecond

// show tells how many bytes a step has done, of how many. It is a [boltfile.Progress].
func (m *meter) show(step string, done, total int64) {
	now := time.Now()
	if m.step != step {
		m.step, m.begun = step, now
	}
	if !m.shown || now.Before(m.next) {
		return
	}
	m.next = now.Add(meterEvery)
	line := fmt.Sprintf("%s of %s %s", command.Size(done), command.Size(total), step)
	if took := now.Sub(m.begun).Seconds(); took > 1 && done > 0 && done <= total {
		rate := float64(done) / took
		left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
		line += fmt.Sprintf(", %s/s, %s left", command.Size(int64(rate)), left)
	}
	fmt.Fprint(m.to, clearLine, line)
}

// count tells how many things of a kind a step has done.
func (m *meter) count(step, things string, done int64) {
	now := time.Now()
	if !m.shown || now.Before(m.next) {
		return
	}
	m.next = now.Add(meterEvery)
	fmt.Fprint(m.to, clearLine, fmt.Sprintf("%s %s %s", humanize.Comma(done), things, step))
}

// done takes the line away.
func (m *meter) done() {
	if m.shown {
		fmt.Fprint(m.to, clearLine)
	}
}

// paced reads at most so many bytes a second, so that the disk has time for others. 0: as many as there are.
type paced struct {
	io.Reader
	rate  int64
	begun time.Time
	read  int64
}

// pacedPart is how much is read between two rests, in bytes.
const pacedPart = 256 << 10

// Read implements io.Reader.
func (p *paced) Read(buffer []byte) (int, error) {
	if p.rate == 0 {
		return p.Reader.Read(buffer)
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	due := time.Duration(float64(p.read) / float64(p.rate) * float64(time.Second))
	time.Sleep(due - time.Since(p.begun))
	n, err := p.Reader.Read(buffer[:min(len(buffer), pacedPart)])
	p.read += int64(n)
	return n, err
}
