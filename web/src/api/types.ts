// The documents of the API, as docs/http.md has them.
import type { Column } from "../lib/exact";

export interface Schema {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  minimum?: number | string;
  maximum?: number | string;
  formatMinimum?: string;
  formatMaximum?: string;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  writeOnly?: boolean;
  items?: Schema;
}

export interface Parameters {
  properties: Record<string, Schema>;
  required?: string[];
}

export interface DescribedColumn extends Column {
  nullable?: boolean;
  description?: string;
}

export type ChartType = "line" | "bar" | "area" | "scatter" | "heatmap";

export interface ChartSpec {
  type: ChartType;
  x: string;
  y: string[];
  series?: string | null;
}

/** An endpoint as who calls it sees it. */
export interface Callable {
  namespace: string;
  slug: string;
  title: string;
  description: string;
  mode: "sync" | "async" | "";
  on_timeout: "fail" | "continue" | "";
  shared_by?: string | null;
  revision: string;
  deprecated: string | null;
  sunset: string | null;
  limits: { timeout_seconds: number; job_timeout_seconds: number; max_rows: number };
  parameters: Parameters | null;
  pinned?: string[];
  columns: DescribedColumn[] | null;
  chart?: ChartSpec | null;
  links: { execute: string; jobs?: string };
}

export interface TextFault {
  line: number;
  column: number;
  length?: number;
  message: string;
  allowed: string[] | null;
  effect?: string | null;
}

/** An endpoint as who governs it sees it. */
export interface Managed extends Callable {
  origin: "file" | "console";
  path: string | null;
  shadowed: boolean;
  source: string;
  active: boolean;
  live_revision: string | null;
  version: number | null;
  author: string | null;
  message: string | null;
  updated_at: string | null;
  shared_with: string[];
  faults: TextFault[];
  warnings: TextFault[];
  may: { edit: boolean; delete: boolean; why_not: string | null };
  text?: string;
}

export interface Revision {
  version: number;
  revision: string | null;
  action: "created" | "saved" | "activated" | "deactivated" | "restored" | "deleted" | "imported";
  author: string | null;
  message: string | null;
  saved_at: string;
  current: boolean;
  text?: string | null;
}

export interface Check {
  revision: string;
  faults: TextFault[];
  warnings: TextFault[];
  source_asked: boolean;
  title: string;
  description: string;
  mode: "sync" | "async" | "";
  source: string;
  active: boolean;
  limits: Callable["limits"] | null;
  parameters: Parameters | null;
  columns: DescribedColumn[] | null;
  chart: ChartSpec | null;
}

export interface Permissions {
  actions: { action: string; endpoints: string[] }[];
}

export interface Source {
  name: string;
  kind: string;
  author: boolean;
  how_to_author: string | null;
  schema: boolean;
}

export interface DatabaseSchema {
  source: string;
  truncated: boolean;
  tables: {
    schema: string | null;
    name: string;
    kind: string;
    comment: string | null;
    in_search_path: boolean;
    columns: { name: string; type: string | null; nullable: boolean; comment: string | null }[];
  }[];
}

export interface Activity {
  endpoint: string;
  calls: number[];
  errors: number[];
  p95_ms: (number | null)[];
  totals: { calls: number; errors: number; p95_ms: number | null };
}

export interface RecentError {
  at: string;
  code: string;
  status: number;
  detail: string;
  request_id: string;
  job_id: string | null;
  user: string;
  api_key: string;
  duration_ms: number;
}

export interface JobRow {
  job_id: string;
  endpoint: string;
  shared_by: string | null;
  revision: string;
  user: string;
  api_key: string;
  status: "processing" | "completed" | "failed" | "cancelled";
  phase: "waiting" | "running" | null;
  attempts: number;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  expires_at: string | null;
  error: { code: string; detail: string } | null;
  row_count: number | null;
  result_bytes: number | null;
  truncated: boolean | null;
  callback_url: string | null;
  progress?: { rows: number; elapsed_ms: number } | null;
  links: { job: string; result: string | null };
}

/** A job that is asked for by itself. */
export interface Job extends JobRow {
  /** Its parameters: JSON as it came, with every digit; null: they are not known. */
  parameters: string | null;
}

export interface Attempt {
  at: string;
  status: number | null;
  error: string | null;
  /** The same as a word, which may be one that this page does not know. */
  reason: string | null;
  duration_ms: number;
}

export interface Delivery {
  job_id: string;
  message_id: string;
  endpoint: string;
  user: string;
  url: string;
  state: "pending" | "delivered" | "dead";
  attempts: number;
  next_attempt_at: string | null;
  created_at: string;
  ended_at: string | null;
  last: Attempt | null;
  log?: Attempt[];
}

/** What a parameter is limited to: a list of values, or bounds. Each is JSON as it came, with every digit. */
export interface Constraint {
  json: string;
  allowed?: string[];
  minimum?: string;
  maximum?: string;
}

export type ShareContext = Map<string, Constraint>;

export interface UserRow {
  name: string;
  display_name: string;
  active: boolean;
  origin: "file" | "store";
  path: string | null;
  subject: string | null;
  policies: string[];
  actions: { action: string; endpoints: string[] }[];
  share_context: Record<string, unknown> | null;
  keys: { active: number; last_used_at: string | null; next_expiry_at: string | null };
  faulty?: boolean;
  revision: string | null;
  updated_at: string | null;
  updated_by: string | null;
}

/** A user that is asked for by itself. */
export interface User extends Omit<UserRow, "share_context"> {
  share_context: ShareContext;
}

export interface Policy {
  name: string;
  description: string;
  origin: string;
  path: string | null;
  grants: { actions: string[]; endpoints: string[] }[];
  users: number;
}

export interface ApiKey {
  api_key: string;
  user: string;
  name: string;
  state: "active" | "expired" | "revoked";
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  successor: string | null;
  last_used_at: string | null;
  user_missing: boolean;
  current: boolean;
  api_secret?: string;
}

/** A presigned link. Its URL is shown once, when it is made. */
export interface LinkRow {
  link_id: string;
  name: string;
  state: "active" | "expired" | "used_up";
  format: string;
  options: Record<string, string>;
  /** What it is bound to, by parameter: JSON as it came, with every digit. */
  parameter_values: Map<string, string>;
  free: string[];
  user: string;
  api_key: string | null;
  created_at: string;
  expires_at: string;
  uses: number | null;
  used: number | null;
}

export interface UsageLine {
  day?: string;
  hour?: string;
  endpoint?: string;
  user?: string;
  api_key?: string;
  key?: string;
  calls: number;
  errors: Record<string, number>;
  rows: number;
  bytes: number;
  database_seconds: number;
  cache_hits: number;
  jobs: number;
}

export interface Usage {
  from: string;
  to: string;
  usage: UsageLine[];
  more: boolean;
  totals: UsageLine;
}

export interface Status {
  version: string;
  at: string;
  started_at: string;
  sources: { name: string; kind: string; state: string; since?: string | null }[];
  store: { state: string };
  jobs: { waiting: number; running: number; more?: boolean } | null;
  deliveries: { dead: number; more?: boolean } | null;
  faults: { path: string; line: number; column: number; message: string; effect: string | null }[];
  warnings?: { path: string; line: number; column: number; message: string; effect: string | null }[];
  failing: { endpoint: string; revision: string; since: string; last_at: string; failures: number; code: string }[];
}
