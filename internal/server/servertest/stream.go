package servertest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Event is a server-sent event.
type Event struct{ Name, Data string }

// OpenStream follows a job. The channel is closed at the stream's end; the error is then known, io.EOF for a proper one.
func (c *Client) OpenStream(ctx context.Context, path, token string) (events <-chan Event, ended func() error, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL(path), nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // it is closed at the stream's end, below
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		_ = response.Body.Close()
		return nil, nil, fmt.Errorf("got %d of type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	found := make(chan Event)
	var last error
	go func() {
		defer close(found)
		defer response.Body.Close()
		reader := bufio.NewReader(response.Body)
		var next Event
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				last = err
				return
			}
			switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
			case "event":
				next.Name = value
			case "data":
				next.Data = value
			case "":
				found <- next
				next = Event{}
			}
		}
	}()
	return found, func() error { return last }, nil
}
