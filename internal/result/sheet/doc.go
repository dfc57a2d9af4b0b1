// Package sheet writes results as workbooks of spreadsheets: Office Open XML (ECMA-376), which Excel calls XLSX. Rows are compressed
// and handed on while they come, so that a workbook of any length takes no more memory than a short one.
//
// What a spreadsheet would round or change is written as text. The package knows neither HTTP nor who asks.
//
// Start reading at [XLSX]; encoder.go writes the rows, cell.go a value, and parts.go has the files that a workbook consists of.
package sheet
