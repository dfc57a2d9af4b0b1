package config

import "fmt"

// Answers bounds what the server holds in memory of answers that their readers have not taken yet, and of request bodies
// that have not arrived yet.
type Answers struct {
	// The most bytes of all of them together. One company may hold as much as is left free: half of it when it is alone, a
	// third when there are two, and so on. Beyond it a request is answered with 503. The default is 128 MiB, the least
	// 16 MiB.
	Memory int64 `json:"memory,omitempty"`
}

// DefaultAnswerMemory is that of [Answers], in bytes.
const DefaultAnswerMemory = 128 << 20

const minAnswerMemory = 16 << 20

// Validate reports what is wrong with the settings; those that are left out are right.
func (a *Answers) Validate() error {
	if a == nil || a.Memory == 0 || a.Memory >= minAnswerMemory {
		return nil
	}
	return fmt.Errorf("answers.memory is %d bytes: it must be at least %d", a.Memory, minAnswerMemory)
}
