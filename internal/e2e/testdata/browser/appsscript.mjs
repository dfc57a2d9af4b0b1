// Runs a Google Apps Script program: its services are replaced by the least that does what their reference says.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { fetchSync, printTable } from "./fetchsync.mjs";

const source = readFileSync(process.argv[2], "utf8");
const known = new Set(["method", "contentType", "headers", "payload", "muteHttpExceptions"]);

// shown is what a sheet shows of a value in a cell of a format: numbers have 15 digits, and text that looks like a number
// becomes one unless the format is text.
function shown(value, format) {
  if (format === "@") return String(value);
  const number = typeof value === "number" ? value : value !== "" && !Number.isNaN(Number(value)) ? Number(value) : null;
  if (number === null) return value;
  const rounded = Number(number.toPrecision(15));
  const decimals = /^0(?:\.(0+))?$/.exec(format);
  return decimals ? rounded.toFixed((decimals[1] ?? "").length) : rounded;
}
const services = {
  PropertiesService: { getScriptProperties: () => ({ getProperty: (name) => process.env[name] ?? null }) },
  UrlFetchApp: {
    fetch(url, options = {}) {
      for (const name of Object.keys(options)) if (!known.has(name)) throw new Error(`UrlFetchApp.fetch has no option ${name}`);
      const { method = "get", contentType, headers = {}, payload, muteHttpExceptions } = options;
      if (!["get", "post"].includes(method)) throw new Error(`method ${method}`);
      const sent = payload === undefined ? headers : { "Content-Type": contentType, ...headers };
      const { status, text } = fetchSync(url, { method: method.toUpperCase(), headers: sent, payload });
      if (status >= 400 && !muteHttpExceptions) throw new Error(`Request failed for ${url} returned code ${status}`);
      return { getContentText: () => text, getResponseCode: () => status };
    },
  },
  SpreadsheetApp: {
    getActiveSheet: () => ({
      getRange(row, column, rows, columns) {
        let formats = Array.from({ length: rows }, () => Array(columns).fill("General"));
        const fits = (table) => {
          if (row !== 1 || column !== 1 || table.length !== rows || table.some((line) => line.length !== columns)) {
            throw new Error(`it does not fit into ${rows} by ${columns}`);
          }
        };
        return {
          setNumberFormats(given) {
            fits(given);
            formats = given;
            return this;
          },
          setValues(values) {
            fits(values);
            for (const value of values.flat()) if (value === null || typeof value === "object") throw new Error(`no value of a cell: ${value}`);
            printTable(values.map((line, i) => line.map((value, j) => shown(value, formats[i][j]))));
            return this;
          },
        };
      },
    }),
  },
};
const context = vm.createContext(services);
vm.runInContext(source, context);
const name = /^function (\w+)\(/m.exec(source)[1];
vm.runInContext(`${name}()`, context);
