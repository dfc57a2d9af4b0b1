package sheet

// The parts of a workbook that are always the same (ECMA-376, parts 1 and 2). Every part that ends with .xml and is not named is a
// sheet, so that the first part need not know how many there will be.
const (
	xmlDeclaration = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainNamespace  = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	relationsOf    = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	contentOf      = "application/vnd.openxmlformats-officedocument.spreadsheetml"

	contentTypes = xmlDeclaration + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="` + contentOf + `.worksheet+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + contentOf + `.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + contentOf + `.styles+xml"/></Types>`

	relationsBegin = xmlDeclaration + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	relationsEnd   = `</Relationships>`
	rootRelations  = relationsBegin + `<Relationship Id="workbook" Type="` + relationsOf + `/officeDocument" Target="xl/workbook.xml"/>` + relationsEnd
	stylesRelation = `<Relationship Id="styles" Type="` + relationsOf + `/styles" Target="styles.xml"/>`

	workbookBegin = xmlDeclaration + `<workbook xmlns="` + mainNamespace + `" xmlns:r="` + relationsOf + `"><sheets>`
	workbookEnd   = `</sheets></workbook>`

	sheetBegin = xmlDeclaration + `<worksheet xmlns="` + mainNamespace + `"><sheetViews><sheetView workbookViewId="0">` +
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`
	sheetEnd = `</sheetData></worksheet>`

	styles = xmlDeclaration + `<styleSheet xmlns="` + mainNamespace + `">` +
		`<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts>` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>` +
		`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>` +
		`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
)

// The styles of cells, by their places in cellXfs.
const (
	plainStyle = iota
	headerStyle
	dateStyle
	momentStyle
)
