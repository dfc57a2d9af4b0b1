package job_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// BenchmarkResult writes a result of 100 MiB and reads it back, and does the same with a plain file and the same
// compression, in one run. The ratios are the store's speed by the file's.
func BenchmarkResult(b *testing.B) {
	const size = 100 << 20
	var rows bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	for rows.Len() < 1<<20 {
		fmt.Fprintf(&rows, `{"regiao":"Sul","total":%d.%02d,"data":"2026-%02d-%02d"},`,
			random.IntN(1e6), random.IntN(100), 1+random.IntN(12), 1+random.IntN(28))
	}
	block := rows.Bytes()[:1<<20]
	write := func(w io.Writer) error {
		for n := 0; n < size; n += len(block) {
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
		return nil
	}
	engine := start(b, newStore(b), job.Options{})
	engine.Attach(runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error { return write(w) }}, job.Settings{})
	var stored, storeRead, filed, fileRead time.Duration
	idle := memoryInUse()
	peak, stopWatching := watchMemory()
	for b.Loop() {
		begun := time.Now()
		j := wait(b, engine, accept(b, engine).ID)
		stored += time.Since(begun)
		begun = time.Now()
		reader, err := engine.OpenResult(b.Context(), j.ID)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, reader); n != size || err != nil {
			b.Fatal(n, err)
		}
		storeRead += time.Since(begun)

		path := filepath.Join(b.TempDir(), "plain")
		begun = time.Now()
		if err := writeFile(path, write); err != nil {
			b.Fatal(err)
		}
		filed += time.Since(begun)
		begun = time.Now()
		if err := readFile(path); err != nil {
			b.Fatal(err)
		}
		fileRead += time.Since(begun)
	}
	stopWatching()
	b.ReportMetric(float64(peak.Load()-idle)/(1<<20), "MiB-above-idle")
	b.ReportMetric(size/1e6*float64(b.N)/stored.Seconds(), "write-MB/s")
	b.ReportMetric(size/1e6*float64(b.N)/storeRead.Seconds(), "read-MB/s")
	b.ReportMetric(filed.Seconds()/stored.Seconds(), "write-ratio")
	b.ReportMetric(fileRead.Seconds()/storeRead.Seconds(), "read-ratio")
}

// memoryInUse is what Go's runtime holds of the system's memory, in bytes.
func memoryInUse() int64 {
	var stats goruntime.MemStats
	goruntime.ReadMemStats(&stats)
	return int64(stats.Sys - stats.HeapReleased)
}

// watchMemory notes the most memory that is in use until stop is called.
func watchMemory() (peak *atomic.Int64, stop func()) {
	peak = new(atomic.Int64)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				ticker.Stop()
				return
			case <-ticker.C:
				peak.Store(max(peak.Load(), memoryInUse()))
			}
		}
	}()
	return peak, func() {
		close(done)
		<-ended
	}
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	compressor, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(job.BlockSize), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(compressor, job.BlockSize)
	if err := write(buffer); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := compressor.Close(); err != nil {
		return err
	}
	return file.Sync()
}

func readFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	decompressor, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer decompressor.Close()
	_, err = io.Copy(io.Discard, decompressor)
	return err
}
