package jwks

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// CheckLocation reports what is wrong with where a key set is to be had from: an https URL, an http URL of this very
// machine, or the path of a file. Over plain HTTP anybody on the way could put keys of their own in.
func CheckLocation(location string) error {
	if location == "" {
		return errors.New("is missing: give an https URL or a file")
	}
	if !isURL(location) {
		return nil
	}
	parsed, err := url.Parse(location)
	switch {
	case err != nil || parsed.Host == "":
		return fmt.Errorf("%q is no URL", location)
	case parsed.User != nil || parsed.Fragment != "":
		return errors.New("must be a URL without a user, a password and a fragment")
	case parsed.Scheme == "https", parsed.Scheme == "http" && loopback(parsed.Hostname()):
		return nil
	}
	return fmt.Errorf("%s://%s: must be an https URL; http is for 127.0.0.1, [::1] and localhost alone", parsed.Scheme, parsed.Host)
}

func isURL(location string) bool { return strings.Contains(location, "://") }

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// displayed is the location without what might be secret in it.
func displayed(location string) string {
	if !isURL(location) {
		return filepath.Clean(location)
	}
	parsed, err := url.Parse(location)
	if err != nil {
		return "a URL"
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// withoutURL returns the cause of an error of net/http, which would show the whole URL.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
