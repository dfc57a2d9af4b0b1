// Package config holds the JSON configuration of the modules: structs whose godoc is their reference, and pure validation.
//
// The default and the limits of a setting belong to the package that uses it, and Validate asks that package. So a setting
// has one owner, and this package opens nothing and holds no state. Sources and stores have their settings in
// caddymodule.
//
// Start reading at [App]: its fields lead to all others. A field's comment is what users read, so it says the default.
package config
