package docs_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
)

// Each Caddyfile in packaging/ loads, with the catalog and the secret that are shipped with it or that its documentation asks for.
func TestPackagedCaddyfilesLoad(t *testing.T) {
	manifest := readManifest(t)
	for name, caddyfile := range map[string]string{
		"systemd/Caddyfile":        read(t, "../packaging/systemd/Caddyfile"),
		"docker/Caddyfile":         read(t, "../packaging/docker/Caddyfile"),
		"kubernetes/data-api.yaml": manifest.configMap("data-api")["Caddyfile"],
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.CopyFS(filepath.Join(root, "catalog"), os.DirFS("../packaging/docker/catalog")); err != nil {
				t.Fatal(err)
			}
			write(t, root, "warehouse", "secret\n")
			t.Setenv("WAREHOUSE_URL", "postgres://nobody@127.0.0.1:1/none")
			t.Setenv("XDG_DATA_HOME", root)
			for _, replaced := range []struct{ pattern, by string }{
				{`catalog /etc/[a-z-]+/catalog\n`, "catalog " + root + "/catalog\n"},
				{`\{file\.[^}]+\}`, "{file." + root + "/warehouse}"},
			} {
				pattern := regexp.MustCompile("(?m)" + replaced.pattern)
				caddyfile = pattern.ReplaceAllLiteralString(caddyfile, replaced.by)
			}
			if !strings.Contains(caddyfile, root+"/catalog") {
				t.Fatalf("its catalog was not found in\n%s", caddyfile)
			}
			if err := provision(caddyfile); err != nil {
				t.Errorf("%v\n%s", err, caddyfile)
			}
		})
	}
}

// A volume of Kubernetes shows files through links that it turns when they change; the catalog is found through them.
func TestKubernetesCatalogLoads(t *testing.T) {
	manifest, root := readManifest(t), t.TempDir()
	pod := manifest.statefulSet(t).Spec.Template.Spec
	for _, volume := range pod.Volumes {
		for _, source := range volume.Projected.Sources {
			files := manifest.configMap(source.ConfigMap.Name)
			if len(source.ConfigMap.Items) == 0 {
				for key, text := range files {
					write(t, root, "..2026/"+key, text)
				}
			}
			for _, item := range source.ConfigMap.Items {
				if files[item.Key] == "" {
					t.Errorf("the volume %s shows %q, which the ConfigMap %s lacks", volume.Name, item.Key, source.ConfigMap.Name)
				}
				write(t, root, "..2026/"+item.Path, files[item.Key])
			}
			if len(source.ConfigMap.Items) > 0 && len(source.ConfigMap.Items) != len(files) {
				t.Errorf("the volume %s shows %d of the %d files of the ConfigMap %s", volume.Name, len(source.ConfigMap.Items), len(files), source.ConfigMap.Name)
			}
		}
	}
	for link, target := range map[string]string{"..data": "..2026", "catalog": "..data/catalog"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := catalog.Load(filepath.Join(root, "catalog"), postgres.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, found := snapshot.Find("acme", "default", "sales-by-region"); !found {
		t.Error("the endpoint is not there")
	}
	mounted := make(map[string]bool)
	for _, volume := range pod.Volumes {
		mounted[volume.Name] = true
	}
	mounted["data"] = true // of the template of claims
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !mounted[mount.Name] {
			t.Errorf("%s is mounted, and no volume", mount.Name)
		}
	}
}

// Every service manager waits for longer than a stop takes: grace_period, or 20 s for a database that does not obey.
func TestServiceManagersWaitForAStop(t *testing.T) {
	grace := 20 * time.Second
	for _, path := range []string{"systemd/Caddyfile", "docker/Caddyfile", "kubernetes/data-api.yaml"} {
		found := regexp.MustCompile(`\tgrace_period (\S+)\n`).FindStringSubmatch(read(t, "../packaging/"+path))
		if found == nil {
			t.Fatalf("%s has no grace_period: a stop would wait for ever", path)
		}
		period, err := time.ParseDuration(found[1])
		if err != nil {
			t.Fatal(err)
		}
		grace = max(grace, period)
	}
	for path, setting := range map[string]string{
		"systemd/caddy-data-api.service":        "\nTimeoutStopSec=",
		"systemd/caddy.service.d/data-api.conf": "\nTimeoutStopSec=",
		"docker/compose.yaml":                   "\n    stop_grace_period: ",
		"kubernetes/data-api.yaml":              "\n      terminationGracePeriodSeconds: ",
	} {
		_, rest, found := strings.Cut(read(t, "../packaging/"+path), setting)
		text, _, _ := strings.Cut(rest, "\n")
		seconds, err := strconv.Atoi(strings.TrimSuffix(text, "s"))
		if wait := time.Duration(seconds) * time.Second; !found || err != nil || wait < grace+10*time.Second {
			t.Errorf("%s waits for %q; a stop takes up to %v, and then some", path, text, grace)
		}
	}
}

// Releases and images are built with one Go, which is not older than go.mod asks for.
func TestReleasesAndImagesAreOfOneGo(t *testing.T) {
	version := func(path, pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, path))
		if found == nil {
			t.Fatalf("%s names no version of Go", path)
		}
		return found[1]
	}
	image := version("../packaging/docker/Dockerfile", `\nARG GO_VERSION=(\S+)\n`)
	release := version("../.github/workflows/release.yml", `go-version: "([^"]+)"`)
	least := version("../go.mod", `\ngo (\d+\.\d+)(?:\.\d+)?\n`)
	if image != release || !strings.HasPrefix(image, least+".") {
		t.Errorf("the image is built with Go %s, a release with %s, and go.mod asks for %s", image, release, least)
	}
}

// object is what the tests look at in an object of Kubernetes.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name      string
					Projected struct {
						Sources []struct {
							ConfigMap struct {
								Name  string
								Items []struct{ Key, Path string }
							} `yaml:"configMap"`
						}
					}
				}
			}
		}
	}
}

type manifest []object

func readManifest(t *testing.T) manifest {
	t.Helper()
	var objects manifest
	for decoder := yaml.NewDecoder(strings.NewReader(read(t, "../packaging/kubernetes/data-api.yaml"))); ; {
		var next object
		switch err := decoder.Decode(&next); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		}
		objects = append(objects, next)
	}
}

func (m manifest) configMap(name string) map[string]string {
	for _, one := range m {
		if one.Kind == "ConfigMap" && one.Metadata.Name == name {
			return one.Data
		}
	}
	return nil
}

func (m manifest) statefulSet(t *testing.T) object {
	t.Helper()
	for _, one := range m {
		if one.Kind == "StatefulSet" {
			return one
		}
	}
	t.Fatal("the manifest has no StatefulSet")
	return object{}
}
