package caddymodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// sourceKind is the ID of a source's module: sources of two kinds are never the same, whatever their keys.
func sourceKind(module any) string { return string(module.(caddy.Module).CaddyModule().ID) }

// sourceKey identifies a source by a setting as it was before placeholders were replaced, and by all settings.
func sourceKey(template string, settings any) string {
	return fmt.Sprintf("%q %s", template, caddyconfig.JSON(settings, nil))
}

// hashKey keeps secrets out of a pool's keys.
func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// resolveSecret replaces placeholders; one that has no value is an error, not an empty secret. The error does not show
// the setting's value.
func resolveSecret(setting, value string) (string, error) {
	resolved, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("data_api: %s: a placeholder has no value: %w", setting, err)
	}
	return resolved, nil
}

// rereadSecret replaces placeholders once more, while the server runs. Unlike Caddy's own replacement it logs nothing about
// a file that cannot be read, since it may be asked for often; its error says why.
func rereadSecret(setting, value string) (string, error) { return readSecret(setting, value, true) }

// readSecret is rereadSecret for a setting that may be empty, unless it is required.
func readSecret(setting, value string, required bool) (string, error) {
	replacer := caddy.NewReplacer().WithoutFile()
	var unreadable error
	replacer.Map(func(key string) (any, bool) {
		name, ok := strings.CutPrefix(key, "file.")
		if !ok {
			return nil, false
		}
		content, err := os.ReadFile(name)
		if err != nil {
			unreadable = err
			return nil, true
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), true
	})
	resolved, err := replacer.ReplaceOrErr(value, required, true)
	if err = cmp.Or(unreadable, err); err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	return resolved, nil
}

func resolvePath(path *string) error {
	if *path == "" {
		return nil
	}
	resolved, err := resolveSecret("path", *path)
	if err != nil {
		return err
	}
	*path, err = filepath.Abs(resolved)
	return err
}
