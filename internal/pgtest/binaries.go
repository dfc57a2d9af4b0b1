package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// image is what runs where PostgreSQL cannot be installed.
const image = "postgres:17-alpine"

// findBinaries returns the directory of initdb and postgres, or "" to use Docker.
func findBinaries() (string, error) {
	if dir := installedBinaries(); dir != "" {
		return dir, nil
	}
	if err := exec.Command("docker", "info").Run(); err == nil {
		fmt.Fprintf(os.Stderr, "pgtest: PostgreSQL is not installed: using Docker's %s\n", image)
		return "", nil
	}
	return "", errors.New("install PostgreSQL 14 or later, as `make tools` does where it may (initdb and postgres on PATH), or Docker, " +
		"or set DATA_API_TEST_DSN to a superuser's DSN")
}

// installedBinaries looks on PATH, where Debian puts them outside it (the highest version first), and where pg_config
// says.
func installedBinaries() string {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if resolved, err := filepath.EvalSymlinks(initdb); err == nil { // postgres finds its files beside itself
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, dir := range slices.Backward(debian) {
		dirs = append(dirs, dir)
	}
	if output, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(output)))
	}
	for _, dir := range dirs {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (c *Cluster) containerName() string { return filepath.Base(c.dir) }

// dockerScript initialises the cluster once and then becomes the server. The image's own entry point would first run a
// server on the same socket to set itself up, which a test could mistake for the real one.
const dockerScript = `[ -s "$PGDATA/PG_VERSION" ] ||
	initdb -U ` + superuser + ` --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null || exit 1
	exec postgres -k /sockets "$@"`

// createContainer makes the container whose volume keeps the data over Stop and Start. The socket is shared through the
// cluster's directory, which the image's user must be able to write.
func (c *Cluster) createContainer() error {
	if err := os.Chmod(c.dir, 0o777); err != nil {
		return err
	}
	args := append([]string{"create", "--name", c.containerName(), "--user", "postgres", "-v", c.dir + ":/sockets",
		"--entrypoint", "sh", image, "-c", dockerScript, "sh"}, c.settings...)
	if output, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("docker create: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
