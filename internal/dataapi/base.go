package dataapi

import (
	"errors"
	"net/url"
	"strings"
)

// Base is what comes before the paths of the API as its callers know them: mostly nothing.
type Base struct {
	// Path is what something in front takes away, such as /edge. It has no slash at its end.
	Path string

	// URL is the same with the scheme and the host in front, such as https://api.example.com/edge. Empty: they are those of the request.
	URL string
}

// ParseBase reads the URL of a base: https or http, a host, and at most a path. An empty text is no base.
func ParseBase(text string) (Base, error) {
	if text == "" {
		return Base{}, nil
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(text, "?#<> \"") {
		return Base{}, errors.New("base_url must be a URL with https or http, a host, and at most a path, such as https://api.example.com/edge")
	}
	path := strings.TrimRight(parsed.EscapedPath(), "/")
	return Base{Path: path, URL: parsed.Scheme + "://" + parsed.Host + path}, nil
}
