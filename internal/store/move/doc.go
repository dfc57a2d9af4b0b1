// Package move moves the content of a store to another one. It opens both by their names, such as bbolt:FILE, and hands them to
// package transfer.
//
// It knows neither how stores keep their content, nor who asks. It is apart from package transfer, which knows no kind of store.
//
// Start reading at [Copy].
package move
