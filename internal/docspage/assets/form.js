// The fields of an endpoint's parameters, made of their JSON Schema, and the JSON that they hold.

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// show puts a field for each parameter into the container.
export function show(container, endpoint) {
  container.replaceChildren();
  const { properties, required } = endpoint.parameters;
  const names = Object.keys(properties);
  if (names.length === 0) container.append(element("p", { textContent: "It has none." }));
  for (const name of names) {
    const schema = properties[name];
    const id = `parameter-${name}`;
    const hint = element("p", { className: "hint", id: `${id}-hint`, textContent: describe(schema, endpoint.pinned.includes(name)) });
    const input = control(schema, endpoint.pinned.includes(name), required.includes(name));
    input.id = id;
    input.name = name;
    input.setAttribute("aria-describedby", hint.id);
    const label = element("label", { htmlFor: id, textContent: schema.title ?? name });
    if (required.includes(name)) label.append(element("span", { className: "hint", textContent: " (required)" }));
    container.append(label, input, hint);
  }
}

const text = (value) => (typeof value === "string" ? value : String(value));

function control(schema, pinned, required) {
  const start = schema.examples?.[0] ?? (schema.type === "array" ? undefined : schema.default);
  const value = schema.items ?? schema;
  if (pinned) return element("input", { value: text(value.const), disabled: true });
  if (schema.type === "array") {
    return element("textarea", { rows: 3, value: (start ?? []).map(text).join("\n"), required, spellcheck: false });
  }
  const choices = schema.const !== undefined ? [schema.const] : schema.type === "boolean" ? [true, false] : schema.enum;
  if (choices) {
    const select = element("select", { required });
    if (!required) select.append(element("option", { value: "", textContent: "(left out)" }));
    for (const choice of choices) select.append(element("option", { value: text(choice), textContent: text(choice) }));
    select.value = start === undefined ? (required ? text(choices[0]) : "") : text(start);
    return select;
  }
  const input = element("input", { required, spellcheck: false, value: start === undefined ? "" : text(start) });
  if (schema.writeOnly) Object.assign(input, { type: "password", autocomplete: "off" });
  else if (schema.format === "date") input.type = "date";
  if (schema.type === "integer" || schema.type === "number") input.inputMode = "decimal";
  if (schema.format === "date-time") input.placeholder = "2026-01-31T10:30:00Z";
  return input;
}

function describe(schema, pinned) {
  const value = schema.items ?? schema;
  const words = [];
  if (schema.description) words.push(schema.description);
  if (pinned) return [...words, "Fixed for you."].join(" ");
  if (schema.type === "array") words.push("One value a line.");
  const least = value.minimum ?? value.formatMinimum;
  const most = value.maximum ?? value.formatMaximum;
  if (least !== undefined && most !== undefined) words.push(`From ${least} to ${most}.`);
  else if (least !== undefined) words.push(`From ${least} on.`);
  else if (most !== undefined) words.push(`Up to ${most}.`);
  if (schema.items && (value.enum || value.const !== undefined)) words.push(`Of ${(value.enum ?? [value.const]).join(", ")}.`);
  if (schema.default !== undefined) words.push(`Left out, it is ${JSON.stringify(schema.default)}.`);
  return words.join(" ");
}

// values returns parameter_values as JSON text: what was typed as a number is passed on digit by digit.
export function values(container, endpoint) {
  const members = [];
  for (const input of container.querySelectorAll("input, select, textarea")) {
    if (input.disabled || input.value.trim() === "") continue;
    const schema = endpoint.parameters.properties[input.name];
    const json = schema.type === "array"
      ? `[${input.value.split("\n").filter((line) => line.trim() !== "").map((line) => write(schema.items, line.trim())).join(", ")}]`
      : write(schema, input.value);
    members.push(`${JSON.stringify(input.name)}: ${json}`);
  }
  return `{${members.join(", ")}}`;
}

function write(schema, typed) {
  const plain = typed.trim();
  const bare = { integer: /^-?\d+$/, number: /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/, boolean: /^(true|false)$/ }[schema.type];
  // What is no number stays text: the server says what is wrong with it.
  return bare?.test(plain) ? plain.replace(/^(-?)0+(?=\d)/, "$1") : JSON.stringify(typed);
}
