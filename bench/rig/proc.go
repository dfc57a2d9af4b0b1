package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNoProc tells that the machine does not say what a process uses.
var ErrNoProc = errors.New("there is no /proc: memory and processor time can be read on Linux only")

// ticksPerSecond is USER_HZ, which is 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// CPUTime returns the processor time that a process, its children and theirs have used, in seconds.
func CPUTime(pid int) float64 {
	total := 0.0
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// The second field, the program's name, may hold blanks; the times are fields 14 to 17.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:15] {
			ticks, _ := strconv.ParseFloat(field, 64)
			total += ticks / ticksPerSecond
		}
	}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		for child := range strings.FieldsSeq(string(text)) {
			if id, err := strconv.Atoi(child); err == nil {
				total += CPUTime(id)
			}
		}
	}
	return total
}

// Memory returns a line of /proc/PID/status, such as VmRSS or VmHWM, in MiB.
func Memory(pid int, line string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, ErrNoProc
	}
	for field := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(field, ":")
		if name == line {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, line)
}

// ReapedTime returns the processor time of a process's children that have ended, in seconds; 0 where that is not told.
func ReapedTime(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[13], 64)
	system, _ := strconv.ParseFloat(fields[14], 64)
	return (user + system) / ticksPerSecond
}
