package caddymodule

import "runtime/debug"

const modulePath = "github.com/solucao42/caddy-data-api"

// programVersion is which version of this module the program holds, and of which commit it was built, as far as Go knows.
func programVersion() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && info.Main.Path == modulePath {
			commit = setting.Value
		}
	}
	if info.Main.Path == modulePath {
		return info.Main.Version, commit
	}
	for _, module := range info.Deps {
		if module.Path == modulePath {
			if module.Replace != nil {
				module = module.Replace
			}
			return module.Version, commit
		}
	}
	return "unknown", commit
}
