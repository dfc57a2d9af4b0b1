// Command scale measures what grows with the catalog and with the store: the same point request, start, reload, edit-to-live and
// memory with few and with many endpoints, companies, keys and jobs, as a table of growth.
//
// It measures the built program from outside, through package rig. It knows of the product only what fills a store before the start.
//
// Start reading at measure in main.go; catalog.go makes the files, stores.go fills the store, subject.go measures one server.
package main
