package catalogcmd

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Push publishes a directory over the API.
var Push = command.Command{
	Use: "push DIR --url URL --company SLUG", Short: "Publishes a directory of endpoint files over the API, for pipelines",
	Long: `
Publishes every NAMESPACE/SLUG.sql below DIR as an endpoint of the console, over the
public API of the server at --url. What is there already with the same text is left
alone. With --prune, endpoints of the console that DIR does not hold are deleted.

All files are checked first: when one is at fault, nothing is published, and every
fault is printed as FILE:LINE:COLUMN.

The API key is read from the environment, DATA_API_KEY and DATA_API_SECRET. Its user
needs visualization:view and visualization:edit.`,
	Offline: true, Args: command.OneArgument("DIR"),
	Flags: func(cmd *cobra.Command) {
		apiFlags(cmd)
		cmd.Flags().String("message", "", "why, for the list of versions")
		cmd.Flags().Bool("prune", false, "delete endpoints of the console that DIR does not hold")
		cmd.Flags().Bool("dry-run", false, "only check, and say what would be done")
	},
	Run: push,
}

func push(c *command.Call) error {
	texts, err := readTree(c.Args[0])
	if err != nil {
		return err
	}
	server, err := signIn(c)
	if err != nil {
		return err
	}
	there, err := server.list(document.OfConsole)
	if err != nil {
		return err
	}
	if err := checkAll(c, server, texts, there); err != nil {
		return err
	}
	for _, at := range sorted(texts) {
		before, known := there[at]
		switch {
		case known && before.Revision == document.Revision([]byte(texts[at])):
			continue
		case c.Bool("dry-run"):
		default:
			precondition := map[string]string{"If-None-Match": "*", "Content-Type": "application/sql"}
			if known {
				precondition = map[string]string{"If-Match": before.etag(), "Content-Type": "application/sql"}
			}
			path := dataapi.PathEndpoints + "/" + at + "?message=" + url.QueryEscape(c.String("message"))
			if err := server.ask(http.MethodPut, path, texts[at], precondition, nil); err != nil {
				return fmt.Errorf("%s: %w", fileOf(c, at), err)
			}
		}
		if err := c.Printf("%s %s\n", verb(known), at); err != nil {
			return err
		}
	}
	return prune(c, server, texts, there)
}

// prune deletes what the directory does not hold.
func prune(c *command.Call, server *api, texts map[string]string, there map[string]endpoint) error {
	if !c.Bool("prune") {
		return nil
	}
	for _, at := range sorted(there) {
		if _, kept := texts[at]; kept {
			continue
		}
		if !c.Bool("dry-run") {
			before := there[at]
			err := server.ask(http.MethodDelete, dataapi.PathEndpoints+"/"+at, "", map[string]string{"If-Match": before.etag()}, nil)
			if refused := asProblem(err); refused != nil && refused.gone() {
				continue // it was deleted just now
			}
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		if err := c.Printf("deleted %s\n", at); err != nil {
			return err
		}
	}
	return nil
}

func verb(known bool) string {
	if known {
		return "changed"
	}
	return "created"
}

func fileOf(c *command.Call, at string) string {
	return filepath.Join(c.Args[0], filepath.FromSlash(at)+".sql")
}

// checkAll prints every fault of what is to be published, and fails when there is one.
func checkAll(c *command.Call, server *api, texts map[string]string, there map[string]endpoint) error {
	files, err := server.list(document.OfFile)
	if err != nil {
		return err
	}
	faulty := 0
	for _, at := range sorted(texts) {
		before, known := there[at]
		if known && before.Revision == document.Revision([]byte(texts[at])) {
			continue
		}
		if file, served := files[at]; served && !known {
			faulty++
			fmt.Fprintf(c.Err, "%s:1:1: the file %s of the catalog is served at this address, and is changed there\n", fileOf(c, at), file.File)
			continue
		}
		var checked struct {
			Faults []dataapi.TextFault `json:"faults"`
			Asked  bool                `json:"source_asked"`
		}
		body, err := checkBody(at, texts[at])
		if err != nil {
			return err
		}
		if err := server.ask(http.MethodPost, dataapi.PathCheck, body, nil, &checked); err != nil {
			return fmt.Errorf("%s: %w", fileOf(c, at), err)
		}
		for _, fault := range checked.Faults {
			faulty++
			fmt.Fprintf(c.Err, "%s:%d:%d: %s\n", fileOf(c, at), fault.Line, fault.Column, fault.Message)
		}
		if len(checked.Faults) == 0 && !checked.Asked {
			return fmt.Errorf("%s: its source cannot be asked about the statement; nothing is published", fileOf(c, at))
		}
	}
	if faulty > 0 {
		return fmt.Errorf("%s; nothing is published", command.Count(faulty, "fault"))
	}
	return nil
}
