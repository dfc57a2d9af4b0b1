package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// image is what runs where PostgreSQL cannot be installed.
const image = "postgres:17-alpine"

// findBinaries returns the directory of initdb and postgres, or "" to use Docker. It may install Debian's package.
func findBinaries() (string, error) {
	if dir := installedBinaries(); dir != "" {
		return dir, nil
	}
	var failed error
	if os.Geteuid() == 0 {
		if aptGet, err := exec.LookPath("apt-get"); err == nil {
			if failed = install(aptGet, "postgresql", func() bool { return installedBinaries() != "" }); failed == nil {
				if dir := installedBinaries(); dir != "" {
					return dir, nil
				}
			}
		}
	}
	if err := exec.Command("docker", "info").Run(); err == nil {
		fmt.Fprintf(os.Stderr, "pgtest: PostgreSQL is not installed: using Docker's %s\n", image)
		return "", nil
	}
	const missing = "install PostgreSQL 14 or later (initdb and postgres on PATH), or Docker, or set DATA_API_TEST_DSN to a superuser's DSN"
	if failed != nil {
		return "", fmt.Errorf("%s (tried apt-get: %w)", missing, failed)
	}
	return "", errors.New(missing)
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

// install brings a package of Debian, one test binary at a time.
func install(aptGet, name string, installed func() bool) error {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "data-api-pgtest-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if installed() {
		return nil // another test binary was faster
	}
	fmt.Fprintln(os.Stderr, "pgtest: installing Debian's package", name, "with apt-get")
	for _, args := range [][]string{{"update", "-q"}, {"install", "-qy", "--no-install-recommends", name}} {
		command := exec.Command(aptGet, args...)
		// No cluster of the package's own, and no service: it would listen on a port that the machine's owner did not open.
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PG_CREATE_MAIN_CLUSTER=no", "RUNLEVEL=1")
		command.Stdout, command.Stderr = os.Stderr, os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[0], err)
		}
	}
	return nil
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
