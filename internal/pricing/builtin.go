package pricing

import (
	"bytes"
	_ "embed" // the data files below
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/money"
)

// The data as shipped; data/README.md describes the columns.
var (
	//go:embed data/openai_prices.csv
	pricesCSV []byte
	//go:embed data/models.csv
	modelsCSV []byte
)

// Builtin parses the embedded data into a new book.
//
// Its rows are OpenAI's list prices and hold for any provider: a compatible
// service or Azure that serves a model under OpenAI's name is priced alike until
// a contract or custom row says otherwise. Undated model names are families, so
// that a snapshot without rows costs what its family costs.
func Builtin() (*Book, error) {
	book, err := FromCSV(bytes.NewReader(pricesCSV))
	if err != nil {
		return nil, fmt.Errorf("built-in: %w", err)
	}
	return book, nil
}

// FromCSV returns a book whose list prices are read from a file with the columns
// of data/openai_prices.csv instead. Errors name the line.
func FromCSV(prices io.Reader) (*Book, error) {
	rows, err := readPrices(prices)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	models, err := readModels(bytes.NewReader(modelsCSV))
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return &Book{layers: []layer{newLayer(rows)}, models: models, dated: snapshots(slices.Collect(maps.Keys(models)))}, nil
}

// records calls each with the fields of every record after the header, which
// must be as given.
func records(r io.Reader, header string, each func(fields []string) error) error {
	cr := csv.NewReader(r)
	first, err := cr.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if got := strings.Join(first, ","); got != header {
		return fmt.Errorf("header is %q, not %q", got, header)
	}
	for {
		fields, err := cr.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(fields); err != nil {
			line, _ := cr.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func readPrices(r io.Reader) (rows []Row, err error) {
	const header = "model,unit,tier,context_min_tokens,usd_per_unit,effective_from,source,source_date"
	err = records(r, header, func(f []string) error {
		row, err := parseRow(f)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

func parseRow(f []string) (row Row, err error) {
	row = Row{Book: ListBook, ModelPattern: f[0], Match: Family, Tier: Tier(f[2]), Source: f[6]}
	if err := row.setUnit(f[1]); err != nil {
		return row, err
	}
	row.setTool()
	if family(row.ModelPattern) != row.ModelPattern {
		row.Match = Exact
	}
	if row.ContextMinTokens, err = strconv.ParseInt(f[3], 10, 64); err != nil {
		return row, fmt.Errorf("context_min_tokens: %w", err)
	}
	if row.USDPerUnit, err = money.Parse(f[4]); err != nil {
		return row, fmt.Errorf("usd_per_unit: %w", err)
	}
	if row.EffectiveFrom, err = parseDate(f[5]); err != nil {
		return row, fmt.Errorf("effective_from: %w", err)
	}
	if row.SourceDate, err = parseDate(f[7]); err != nil {
		return row, fmt.Errorf("source_date: %w", err)
	}
	return row, row.Validate()
}

func parseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, s)
}

func readModels(r io.Reader) (map[string]ModelLimits, error) {
	const header = "model,mode,max_input_tokens,max_output_tokens,vector_size,endpoints"
	models := map[string]ModelLimits{}
	err := records(r, header, func(f []string) error {
		if f[0] == container { // a tool among the models
			return nil
		}
		l := ModelLimits{Mode: f[1], Endpoints: strings.Fields(f[5])}
		for i, n := range []*int64{&l.MaxInputTokens, &l.MaxOutputTokens, &l.VectorSize} {
			text := f[2+i]
			if text == "" {
				continue
			}
			v, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("%s: %w", f[0], err)
			}
			*n = v
		}
		models[f[0]] = l
		return nil
	})
	return models, err
}
