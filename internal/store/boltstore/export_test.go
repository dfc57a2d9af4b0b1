package boltstore

// ChildVariable makes a test binary a child that does one of Children, by "name:path".
const ChildVariable = "DATA_API_TEST_STORE_CHILD"

// Children are what child processes do.
var Children = make(map[string]func(path string) error)
