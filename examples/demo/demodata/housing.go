package demodata

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

const housingHeader = "city,year,month,sales,volume,median,listings,inventory,date"

// insertHousing loads the gzipped CSV file at path. The column date repeats year and month and is left out.
func insertHousing(db *sqlite3.Conn, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	records := csv.NewReader(plain)
	header, err := records.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if got := strings.Join(header, ","); got != housingHeader {
		return fmt.Errorf("%s: the header is %q, not %q", path, got, housingHeader)
	}
	return insert(db, "txhousing", 8, func(add func(...any) error) error {
		for {
			record, err := records.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			values, err := housingRow(record)
			if err == nil {
				err = add(values...)
			}
			if err != nil {
				line, _ := records.FieldPos(0)
				return fmt.Errorf("%s:%d: %w", path, line, err)
			}
		}
	})
}

// housingRow reads one record. Whole numbers are written as 72.0 in the file; an empty field was not reported.
func housingRow(record []string) ([]any, error) {
	values := []any{record[0]}
	for i, field := range record[1:7] {
		if field == "" {
			values = append(values, nil)
			continue
		}
		number, err := strconv.Atoi(strings.TrimSuffix(field, ".0"))
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i+2, err)
		}
		values = append(values, number)
	}
	if record[7] == "" {
		return append(values, nil), nil
	}
	inventory, err := strconv.ParseFloat(record[7], 64)
	if err != nil {
		return nil, fmt.Errorf("column 8: %w", err)
	}
	return append(values, inventory), nil
}
