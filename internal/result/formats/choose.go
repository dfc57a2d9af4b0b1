package formats

import (
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// queries are listed once, since every request looks for them.
var queries = Queries()

// Choose returns the variants of a format that a query asks for, by the names of [Queries]. It fails with dataapi.CodeInvalidRequest
// where the format does not vary so, or a value is not one of the two that there are; that is not repeated, since a
// parameter of an endpoint can have the same name, and be sensitive.
func Choose(format *result.Format, query map[string]string) (chosen result.Chosen, err error) {
	for _, name := range queries {
		text, ok := query[name]
		if !ok {
			continue
		}
		place := format.VariantOf(name)
		if place < 0 {
			return 0, dataapi.Errorf(dataapi.CodeInvalidRequest, "%s is for %s; this request asks for %s.",
				name, dataapi.Listing(mediaTypesWith(name)), format.MediaType)
		}
		switch values := format.Variants[place].Values; text {
		case values[0]:
		case values[1]:
			chosen = chosen.With(place)
		default:
			return 0, dataapi.Errorf(dataapi.CodeInvalidRequest, "%s must be %s or %s.", name, values[0], values[1])
		}
	}
	return chosen, nil
}

// mediaTypesWith returns those that a query parameter varies.
func mediaTypesWith(query string) (types []string) {
	for _, format := range All {
		if format.VariantOf(query) >= 0 {
			types = append(types, format.MediaType)
		}
	}
	return types
}
