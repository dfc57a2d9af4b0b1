package httpapi

import (
	"fmt"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// besides says of a path below that of endpoints at which there is nothing what there is beside it. It looks at the path
// alone: whether a company has such an endpoint or job is not told.
func besides(path string) string {
	if !strings.HasPrefix(path, dataapi.PathEndpoints+"/") {
		return ""
	}
	nothing := dataapi.CodeNotFound.Definition().Detail
	last := path[strings.LastIndexByte(path, '/')+1:]
	name, format, suffixed := strings.Cut(last, ".")
	switch depth := strings.Count(strings.TrimPrefix(path, dataapi.PathEndpoints), "/"); {
	case depth == 3 && suffixed && name == "execute":
		return noSuffix(format, "An endpoint answers", "execute", formats.Streamed)
	case depth == 5 && suffixed && name == "result":
		return noSuffix(format, "A job's result can be had", "result", formats.All)
	case depth == 2 || depth == 3:
		return nothing + " Below an endpoint are execute and jobs."
	case depth == 5:
		return nothing + " Below a job is result."
	}
	return ""
}

// noSuffix lists the suffixes that there are.
func noSuffix(asked, sentence, name string, offered []*result.Format) string {
	paths := make([]string, len(offered))
	for i, format := range offered {
		paths[i] = name + "." + format.Suffix
	}
	sentence += " as " + dataapi.Listing(paths) + "."
	if format := formats.WithSuffix(asked); format != nil && format.JobsOnly {
		return forJobs(format) + " " + sentence
	}
	return fmt.Sprintf("There is no format %q here. ", fields.Shorten(asked)) + sentence
}
