package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// streamed are the suffixes of the formats that an endpoint answers with while its query runs.
var streamed = []string{"json", "ndjson", "csv", "arrow"}

// formatRows hold each format's bytes a second against those of COPY, with one caller each. Formats differ in size: JSON
// repeats the names of the columns, Arrow has numbers as numbers. That is why the results a second are beside them.
func formatRows() (rows []row) {
	for _, format := range streamed {
		rows = append(rows,
			row{group: "formats", title: "big as " + format + ", MB/s of COPY's", ours: "bytes " + format, limit: against("bytes COPY")},
			row{group: "formats", title: "big as " + format + ", results/s of COPY's", ours: "results " + format, limit: against("results COPY")})
	}
	return rows
}

func formatMeasures() (measures []measure) {
	of := func(name string, take func(context.Context, *lab) (int64, error)) {
		var rate float64
		measures = append(measures,
			measure{name: "bytes " + name, unit: "MB/s", run: func(ctx context.Context, l *lab) (float64, error) {
				var size int64 // of one result
				var err error
				rate, err = l.repeat(func() error {
					var err error
					size, err = take(ctx, l)
					return err
				})
				return rate * float64(size) / 1e6, err
			}},
			measure{name: "results " + name, unit: "/s", run: func(context.Context, *lab) (float64, error) {
				if rate == 0 {
					return 0, errors.New("nothing was measured")
				}
				return rate, nil // of the measure before
			}})
	}
	for _, format := range streamed {
		of(format, func(ctx context.Context, l *lab) (int64, error) { return l.download(ctx, format) })
	}
	var conn *pgconn.PgConn
	of("COPY", func(ctx context.Context, l *lab) (int64, error) {
		if conn == nil {
			var err error
			if conn, err = pgconn.ConnectConfig(ctx, l.database.config.Copy()); err != nil {
				return 0, err
			}
			l.onClose(func() { _ = conn.Close(context.WithoutCancel(ctx)) })
		}
		var counted counter
		_, err := conn.CopyTo(ctx, &counted, "COPY ("+statements["big"].sql+") TO STDOUT")
		return int64(counted), err
	})
	return measures
}

// repeat does something as often as it can, and returns how often that is in a second.
func (l *lab) repeat(do func() error) (float64, error) {
	duration := time.Duration(l.seconds) * time.Second
	times := 0
	started := time.Now()
	for time.Since(started) < duration {
		if err := do(); err != nil {
			return 0, err
		}
		times++
	}
	return float64(times) / time.Since(started).Seconds(), nil
}

// download reads the large result in a format, and returns how many bytes it has.
func (l *lab) download(ctx context.Context, format string) (int64, error) {
	s, err := l.hs256(ctx)
	if err != nil {
		return 0, err
	}
	t := targetOf("big", s.port, s.token)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url()+"."+format, bytes.NewReader([]byte(t.bodies[0])))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+t.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, errRefused
	}
	return io.Copy(io.Discard, response.Body)
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
