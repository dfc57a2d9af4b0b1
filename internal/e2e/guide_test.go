package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// The consumer guide's commands, word for word from the text that was handed out, against the demo's catalog; only the address, the key and
// the job's id are filled in.
func TestGuideWordForWord(t *testing.T) {
	t.Parallel()
	curl, err := pgtest.FindProgram("curl")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/guide.txt")
	if err != nil {
		t.Fatal(err)
	}
	commands := guideCommands(string(text))
	if len(commands) != 5 {
		t.Fatalf("the guide has %d curl commands, not 5: %q", len(commands), commands)
	}
	s := demoServer(t)
	key := s.CreateKey("acme", "integration")
	environment := map[string]string{"API_BASE_URL": strings.TrimSuffix(s.URL("/"), "/")}
	run := func(command string) string {
		t.Helper()
		shell := exec.Command("sh", "-c", strings.Replace(command, "curl ", curl+" -sS ", 1))
		for name, value := range environment {
			shell.Env = append(shell.Env, name+"="+value)
		}
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}

	// Step 1: the key.
	first := strings.NewReplacer(`"s42_xxxxxxxxx"`, `"`+key.Key+`"`, `"api_secret": "xxxxxxxxx"`, `"api_secret": "`+key.Secret+`"`).Replace(commands[0])
	var pair tokens
	var fields map[string]json.RawMessage
	answer := run(first)
	mustDecode(t, answer, &pair)
	mustDecode(t, answer, &fields)
	for _, field := range []string{"access_token", "refresh_token", "access_token_expires_in", "refresh_token_expires_in", "user"} {
		if _, ok := fields[field]; !ok {
			t.Errorf("the answer lacks %s: %s", field, answer)
		}
	}
	if pair.AccessExpiresIn != 600 || pair.RefreshExpiresIn != 604800 {
		t.Errorf("lifetimes: %s", answer)
	}
	environment["TOKEN"] = pair.Access

	// Step 2: the result, digit for digit but for its time.
	answer = run(commands[1])
	at := regexp.MustCompile(`"executed_at":"[^"]+"`)
	want := `{"columns":[{"name":"regiao","type":"varchar"},{"name":"total","type":"decimal"}],` +
		`"rows":[{"regiao":"Sul","total":150000.00}],"row_count":1,"truncated":false,"max_rows":10000,"executed_at":"T"}`
	if got := at.ReplaceAllString(answer, `"executed_at":"T"`); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// Step 2, async, without the callback: the guide's host is not ours to call.
	async := strings.Replace(commands[2], ",\n\"callback_url\": \"https://my-system.com/webhook/result\"", "", 1)
	if async == commands[2] {
		t.Fatalf("the guide's async command has changed: %s", commands[2])
	}
	var job struct {
		ID         string `json:"job_id"`
		Status     string `json:"status"`
		PollingURL string `json:"polling_url"`
	}
	answer = run(async)
	mustDecode(t, answer, &job)
	if !regexp.MustCompile(`^[0-9a-f]{24}$`).MatchString(job.ID) || job.Status != "processing" ||
		job.PollingURL != "/api/v1/data-api/default/relatorio-mensal/jobs/"+job.ID {
		t.Errorf("the 202: %s", answer)
	}

	// Step 3: polling.
	poll := strings.Replace(commands[3], "507f1f77bcf86cd799439011", job.ID, 1)
	answer = run(poll)
	var ended document
	mustDecode(t, answer, &ended)
	for _, part := range []string{`"job_id":"` + job.ID + `"`, `"status":"processing"`, `"result":null`, `"error":null`, `"completed_at":null`} {
		if ended.Status == "processing" && !strings.Contains(answer, part) { // on a busy machine it may have ended before
			t.Errorf("while processing %s lacks %s", answer, part)
		}
	}
	for deadline := time.Now().Add(patience); ended.Status != "completed"; time.Sleep(100 * time.Millisecond) {
		if mustDecode(t, run(poll), &ended); time.Now().After(deadline) {
			t.Fatalf("the job does not end: %+v", ended)
		}
	}
	if ended.Error != nil || ended.CompletedAt == nil || !strings.Contains(string(ended.Result), `"truncated":false}`) {
		t.Errorf("the job ended as %+v", ended)
	}

	// The refresh.
	refresh := strings.Replace(commands[4], `"eyJ..."`, `"`+pair.Refresh+`"`, 1)
	var renewed tokens
	mustDecode(t, run(refresh), &renewed)
	if renewed.Access == "" || renewed.Refresh == "" {
		t.Error("the refresh gave no tokens")
	}
}

// guideCommands returns the curl commands of the guide's text: each ends where its quoted body does, or its last header.
func guideCommands(text string) []string {
	return regexp.MustCompile(`(?m)^curl (?:[^\n']*\\\n)*(?:-d '[^']*'|[^\n']*)`).FindAllString(text, -1)
}

func mustDecode(t *testing.T, text string, target any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), target); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
