package document

import (
	"fmt"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// ChartType is how a result is drawn.
type ChartType string

// The types of charts.
const (
	Line    ChartType = "line"
	Bar     ChartType = "bar"
	Area    ChartType = "area"
	Scatter ChartType = "scatter"
	Heatmap ChartType = "heatmap"
)

// ChartTypes lists them in the order in which they are documented.
func ChartTypes() []ChartType { return []ChartType{Line, Bar, Area, Scatter, Heatmap} }

// Chart is how the author of an endpoint wants its result to be drawn. It changes nothing of what callers get.
type Chart struct {
	Type   ChartType `json:"type"`
	X      string    `json:"x"`                // the column along the axis
	Y      []string  `json:"y"`                // columns of numbers, 1 to 10; of a heat map: the one that colours its cells
	Series string    `json:"series,omitempty"` // the column that divides the rows into lines or colours; of a heat map: its other axis

	places map[string]Place // of the columns, by key and column
}

// maxChartColumns bounds y: more lines tell nobody anything.
const maxChartColumns = 10

// readChart returns nil when there is none, or it is at fault.
func readChart(f fields) *Chart {
	member, ok := f.by["chart"]
	if !ok {
		return nil
	}
	before := f.count()
	given := f.fieldsOf(member.value, "chart", "type", "x", "y", "series")
	chart := &Chart{Type: ChartType(given.text("type")), X: given.text("x"), Series: given.text("series"), places: make(map[string]Place)}
	if member.value.kind != mapNode && member.value.kind != nullNode {
		return nil
	}
	types := names(ChartTypes())
	switch {
	case !given.has("type"):
		given.Fault(member.Place, "chart.type is missing; it is one of %s", typeList(ChartTypes()))
	case given.by["type"].value.kind == scalarNode && !slices.Contains(types, string(chart.Type)):
		given.FaultAllowing(given.placeOf("type"), types, "chart.type must be one of %s; got %q%s", typeList(ChartTypes()),
			dataapi.Echo(string(chart.Type)), valueMeant(given.by["type"].value, types...))
	}
	if !given.has("x") {
		given.Fault(member.Place, "chart.x is missing; it names the column along the axis")
	}
	chart.Y = chart.readColumns(given)
	chart.places["x/"+chart.X], chart.places["series/"+chart.Series] = given.placeOf("x"), given.placeOf("series")
	if chart.Type == Heatmap {
		if chart.Series == "" && !given.has("series") {
			given.Fault(member.Place, "chart.series is missing; of a heat map it names the column of the other axis")
		}
		if len(chart.Y) > 1 {
			given.Fault(given.placeOf("y"), "chart.y of a heat map is one column, which colours its cells; got %d", len(chart.Y))
		}
	}
	if f.count() > before {
		return nil
	}
	return chart
}

// readColumns reads y: a column, or a list of them.
func (c *Chart) readColumns(f fields) (columns []string) {
	member, ok := f.by["y"]
	if !ok {
		f.Fault(f.at, "chart.y is missing; it lists the columns of numbers that are drawn, such as y: [total]")
		return nil
	}
	items := []*node{member.value}
	if member.value.kind == listNode {
		items = member.value.items
	}
	if len(items) == 0 || len(items) > maxChartColumns {
		f.Fault(member.value.Place, "chart.y must list 1 to %d columns; got %d", maxChartColumns, len(items))
		return nil
	}
	for _, item := range items {
		name := f.textOf(item, "chart.y")
		if slices.Contains(columns, name) && item.kind == scalarNode {
			f.Fault(item.Place, "chart.y lists %q twice", dataapi.Echo(name))
		}
		columns = append(columns, name)
		c.places["y/"+name] = item.Place
	}
	return columns
}

// ChartFaults holds the chart against the columns of the result.
func (e *Endpoint) ChartFaults(columns []source.Column) (faults Diagnostics) {
	if e.Chart == nil || columns == nil {
		return nil
	}
	var all, numbers []string
	for _, column := range columns {
		all = append(all, column.Name)
		if column.Type == "" || slices.Contains(numberTypes, column.Type) { // one that only the rows tell may be a number
			numbers = append(numbers, column.Name)
		}
	}
	check := func(key, name string, allowed []string, what string) {
		if name == "" || slices.Contains(allowed, name) {
			return
		}
		at := e.Chart.places[key+"/"+name]
		message := fmt.Sprintf("chart.%s: the result has no column %q%s", key, dataapi.Echo(name), Alternatives(name, allowed))
		if slices.Contains(all, name) {
			message = fmt.Sprintf("chart.%s: the column %q %s%s", key, dataapi.Echo(name), what, Alternatives(name, allowed))
		}
		faults = append(faults, Diagnostic{File: e.File, Line: at.Line, Column: at.Column, Message: message}.WithAllowed(allowed))
	}
	check("x", e.Chart.X, all, "")
	for _, name := range e.Chart.Y {
		check("y", name, numbers, "holds no numbers")
	}
	check("series", e.Chart.Series, all, "")
	return faults
}

var numberTypes = []source.Type{
	source.TypeDecimal, source.TypeSmallInt, source.TypeInteger, source.TypeBigInt, source.TypeReal, source.TypeDouble,
}
