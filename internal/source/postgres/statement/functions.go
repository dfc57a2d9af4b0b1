package statement

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// What a statement may do is decided by its role's privileges. This file knows PostgreSQL's own functions that have
// effects although the session is read-only, because by default every role may call them. No lexer is behind it:
// a name counts wherever it is, in strings and comments too, so that nothing can hide behind a difference between
// our reading of a text and PostgreSQL's.

// Why a function is refused, as the end of a sentence.
const (
	changesSession = "it changes the session, which other endpoints use too"
	takesLocks     = "it takes or gives back locks that outlive the statement"
	signals        = "it acts on other sessions or on the server"
	writes         = "it writes, and endpoints only read"
	readsFiles     = "it reads files of the database server"
	runsText       = "it runs SQL that is a text, which nobody has checked"
)

// RefusedFunctions are PostgreSQL's own and those of its contrib modules. An author who needs one puts it into a view or
// a function of the database, where the database's owner decides.
var refusedFunctions = map[string]string{
	"set_config": changesSession, "setseed": changesSession, "pg_export_snapshot": changesSession,

	"pg_advisory_lock": takesLocks, "pg_advisory_lock_shared": takesLocks, "pg_try_advisory_lock": takesLocks,
	"pg_try_advisory_lock_shared": takesLocks, "pg_advisory_xact_lock": takesLocks, "pg_advisory_xact_lock_shared": takesLocks,
	"pg_try_advisory_xact_lock": takesLocks, "pg_try_advisory_xact_lock_shared": takesLocks, "pg_advisory_unlock": takesLocks,
	"pg_advisory_unlock_shared": takesLocks, "pg_advisory_unlock_all": takesLocks,

	"pg_cancel_backend": signals, "pg_terminate_backend": signals, "pg_log_backend_memory_contexts": signals,
	"pg_notify": signals, "pg_reload_conf": signals, "pg_rotate_logfile": signals, "pg_promote": signals,
	"pg_stat_reset": signals, "pg_stat_reset_shared": signals, "pg_stat_reset_single_table_counters": signals,
	"pg_logical_emit_message": signals, "pg_switch_wal": signals, "pg_create_restore_point": signals,
	"pg_create_physical_replication_slot": signals, "pg_create_logical_replication_slot": signals,
	"pg_drop_replication_slot": signals, "pg_logical_slot_get_changes": signals,

	"nextval": writes, "setval": writes, "lo_creat": writes, "lo_create": writes, "lo_from_bytea": writes, "lo_put": writes,
	"lo_unlink": writes, "lo_open": writes, "lowrite": writes, "lo_truncate": writes, "lo_truncate64": writes,
	"lo_import": writes, "lo_export": writes, "pg_file_write": writes, "pg_file_unlink": writes, "pg_file_rename": writes,

	"pg_read_file": readsFiles, "pg_read_binary_file": readsFiles, "pg_ls_dir": readsFiles, "pg_stat_file": readsFiles,

	"query_to_xml": runsText, "query_to_xmlschema": runsText, "query_to_xml_and_xmlschema": runsText,
	"cursor_to_xml": runsText, "cursor_to_xmlschema": runsText,
	"table_to_xml": runsText, "table_to_xmlschema": runsText, "table_to_xml_and_xmlschema": runsText,
	"schema_to_xml": runsText, "schema_to_xmlschema": runsText, "schema_to_xml_and_xmlschema": runsText,
	"database_to_xml": runsText, "database_to_xmlschema": runsText, "database_to_xml_and_xmlschema": runsText,
	"ts_stat": runsText, "ts_rewrite": runsText, "xpath_table": runsText,
}

// refusedPrefix is that of a contrib module whose functions open connections of their own.
const refusedPrefix = "dblink"

// QuietFunctions are volatile functions of PostgreSQL that leave nothing behind.
const QuietFunctions = "{random,clock_timestamp,timeofday,gen_random_uuid,pg_sleep,pg_sleep_for,pg_sleep_until,random_normal," +
	"uuidv4,uuidv7,currval,lastval,pg_backend_pid}"

// wordAt finds the next word from an offset on: what could be a name, or a part of a quoted one. Begin is the text's length when
// there is none. Every statement of a catalog goes this way, for which a regular expression takes several times as long.
func wordAt(sql string, from int) (begin, end int) {
	letter := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
	}
	begin = from
	for begin < len(sql) && !letter(sql[begin]) {
		begin++
	}
	end = begin
	for end < len(sql) && (letter(sql[end]) || sql[end] >= '0' && sql[end] <= '9' || sql[end] == '$') {
		end++
	}
	return begin, end
}

// Names are what a statement can call functions by.
type Names struct {
	All   []string // every word, and every text between double quotes, as it is and in lower case
	Calls []string // those of all that a parenthesis follows
	More  bool     // there may be names with quotation marks in them
}

// NamesIn lists the names in a statement, and refuses those of refusedFunctions that it may call.
func NamesIn(sql string) (Names, error) {
	found := Names{More: strings.Contains(sql, `""`)}
	seen := map[string]bool{}
	add := func(name string, call bool) {
		for _, name := range []string{name, strings.ToLower(name)} {
			if call {
				found.Calls = append(found.Calls, name)
			}
			if !seen[name] {
				seen[name] = true
				found.All = append(found.All, name)
			}
		}
	}
	if strings.Contains(sql, `&"`) {
		if at := escapedName.FindStringIndex(sql); at != nil {
			return Names{}, &source.StatementError{Offset: at[0], Message: `write names without the escapes of U&"..."`}
		}
	}
	for begin, end := wordAt(sql, 0); begin < len(sql); begin, end = wordAt(sql, end) {
		call, at := parenthesisFollows(sql[end:]), begin
		add(sql[at:end], call)
		if last := strings.LastIndexByte(sql[at:end], '$'); last >= 0 { // $a$ may have ended a text
			at += last + 1
			add(sql[at:end], call)
		}
		if !call {
			continue
		}
		name := strings.ToLower(sql[at:end])
		reason, refused := refusedFunctions[name]
		if strings.HasPrefix(name, refusedPrefix) {
			reason, refused = signals, true
		}
		if refused {
			return Names{}, &source.StatementError{Offset: at, Message: fmt.Sprintf(
				"an endpoint must not call %s: %s (also in strings and comments, the name must not be before a parenthesis)", name, reason)}
		}
	}
	if strings.ContainsRune(sql, '"') {
		pieces := strings.Split(sql, `"`)
		for i, piece := range pieces {
			add(piece, i+1 < len(pieces) && parenthesisFollows(pieces[i+1]))
		}
	}
	return found, nil
}

// escapedName finds names that are spelled in code points.
var escapedName = regexp.MustCompile(`(?i)\bu&"`)

// parenthesisFollows reports whether a parenthesis may be the next token, perhaps behind the quote that ends a name. A
// comment counts as one, since one may follow it.
func parenthesisFollows(rest string) bool {
	rest = strings.TrimLeft(rest, "\" \t\r\n\f\v")
	return strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "/*") || strings.HasPrefix(rest, "--")
}

// NameArray writes names as PostgreSQL reads an array.
func NameArray(list []string) []byte {
	text, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, list, nil)
	if err != nil || text == nil {
		return []byte("{}")
	}
	return text
}
