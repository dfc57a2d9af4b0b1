package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// screen writes what the user sees, in colour on a terminal and plainly anywhere else.
type screen struct {
	out    io.Writer
	colour bool
}

// ANSI escape sequences for the few things that stand out.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	reset = "\x1b[0m"
)

const (
	indent = "   "
	width  = 124 // columns that an answer may take
)

// newScreen writes to file. NO_COLOR (https://no-color.org) and TERM=dumb switch colours off.
func newScreen(file *os.File) *screen {
	colour := term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &screen{out: file, colour: colour}
}

func (s *screen) paint(style, text string) string {
	if !s.colour {
		return text
	}
	return style + text + reset
}

func (s *screen) line(text string) { fmt.Fprintln(s.out, text) }

func (s *screen) title(name, subtitle string) {
	s.line("\n" + s.paint(bold, name) + ": " + subtitle + "\n")
}

func (s *screen) fact(name, text string) {
	s.line(fmt.Sprintf("%s%s %s", indent, s.paint(dim, fmt.Sprintf("%-9s", name)), text))
}

func (s *screen) step(number int, title string) {
	s.line(fmt.Sprintf("\n%s  %s", s.paint(bold+cyan, fmt.Sprint(number)), s.paint(bold, title)))
}

// command shows what a user would type.
func (s *screen) command(text string) {
	lines := strings.Split(text, "\n")
	s.line("\n" + indent + s.paint(dim, "$ ") + s.paint(cyan, lines[0]))
	for _, line := range lines[1:] {
		s.line(indent + "  " + s.paint(cyan, line))
	}
}

// answer shows the status, how long the answer took, and the document.
func (s *screen) answer(a answer) {
	style := green
	if a.status >= http.StatusBadRequest {
		style = red
	}
	status := s.paint(style, fmt.Sprintf("HTTP %d %s", a.status, http.StatusText(a.status)))
	by := ""
	if name := serverOf(a.header.Get("X-Served-By")); name != "" {
		by = ", by " + name
	}
	s.line("\n" + indent + status + s.paint(dim, fmt.Sprintf(" in %s%s", rounded(a.took), by)))
	s.json(a.body)
}

// json shows a document: short values on one line, long ones spread over several.
func (s *screen) json(document []byte) {
	s.line(indent + strings.ReplaceAll(pretty(document, width-len(indent)), "\n", "\n"+indent))
}

func (s *screen) progress(after time.Duration, status, by string) {
	if by != "" {
		by = s.paint(dim, ", says "+by)
	}
	s.line(fmt.Sprintf("%s%s %s%s", indent, s.paint(dim, fmt.Sprintf("after %5.1f s", after.Seconds())), status, by))
}

// callback shows a delivery with the headers that its signature needs.
func (s *screen) callback(d delivery) {
	s.line("\n" + indent + s.paint(cyan, "POST "+callbackURL))
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		s.line(indent + s.paint(dim, name+": ") + d.header.Get(name))
	}
	s.json(d.body)
	if d.err != nil {
		s.line(indent + s.paint(red, "The signature is not accepted: "+d.err.Error()))
		return
	}
	s.done("The signature is genuine: checked with the standard-webhooks library.")
}

func (s *screen) done(text string) { s.line(indent + s.paint(green, "✓ "+text)) }

// guide ends the pass with the guide's commands, ready to be copied into another terminal.
func (s *screen) guide(key credentials, token, console, another string) {
	s.line("\n" + s.paint(bold, "Now you") + ": the server keeps running. In another terminal:")
	const base = "$API_BASE_URL"
	for _, text := range []string{
		fmt.Sprintf("export API_BASE_URL=%q", baseURL),
		tokenCall(key).curl(base),
		fmt.Sprintf("export TOKEN=%q  # lasts 10 minutes", token),
		syncCall(token).curl(base),
		asyncCall(token).curl(base),
	} {
		s.line("\n" + s.paint(cyan, text))
	}
	s.line("\nIn a browser: " + s.paint(cyan, baseURL+"/docs") + ", with the same company, key and secret. The console, signed in as " + admin +
		", who administers " + company + ":")
	s.line("\n" + s.paint(cyan, console))
	s.line("\nThis link works once, within 5 minutes. Another one: " + s.paint(dim, another))
	s.line("\nCallbacks appear here as they come in. The endpoints are the files below examples/catalog: change one, save")
	s.line("it, and call it again. " + s.paint(bold, "Ctrl-C") + " stops the demo.")
}

// trial says how to see that the servers are one service.
func (s *screen) trial(servers []*server) {
	last := servers[len(servers)-1]
	s.line("\nStop one of the servers, even without mercy, and go on with the same token:")
	s.line("\n" + s.paint(cyan, fmt.Sprintf("kill -9 %d  # %s", last.command.Process.Pid, last.name)))
	s.line("\nA job that it ran begins again on another, when it has not been heard of for 30 s.")
}

// rounded makes a duration short enough to be read.
func rounded(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}
