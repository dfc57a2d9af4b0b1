package httpapi

import (
	"fmt"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// suggest names the nearest existing paths for an unknown path below that of endpoints. It looks at the path alone: it does not
// tell whether a company has such an endpoint or job.
func suggest(path string) string {
	if !strings.HasPrefix(path, dataapi.PathEndpoints+"/") {
		return ""
	}
	nothing := dataapi.CodeNotFound.Definition().Detail
	last := path[strings.LastIndexByte(path, '/')+1:]
	name, format, suffixed := strings.Cut(last, ".")
	switch depth := strings.Count(strings.TrimPrefix(path, dataapi.PathEndpoints), "/"); {
	case depth == 3 && suffixed && name == "execute":
		return noSuffix(format, "An endpoint answers", "execute")
	case depth == 5 && suffixed && name == "result":
		return noSuffix(format, "A job's result is available", "result")
	case depth == 2 || depth == 3:
		return nothing + " Below an endpoint are execute, jobs and links."
	case depth == 5:
		return nothing + " Below a job is result."
	}
	return ""
}

// noSuffix lists the suffixes that there are.
func noSuffix(asked, sentence, name string) string {
	paths := make([]string, len(formats.All))
	for i, format := range formats.All {
		paths[i] = name + "." + format.Suffix
	}
	sentence += " as " + dataapi.Listing(paths) + "."
	return fmt.Sprintf("There is no format %q here. ", fields.Shorten(asked)) + sentence
}
