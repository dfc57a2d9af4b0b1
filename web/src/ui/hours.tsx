// Figures over time as bars: each with its words for those who do not see it.
import { useI18n } from "../lib/i18n";

interface Props {
  hours: string[];
  values: (number | null)[];
  bad?: (number | null)[];
  /** What a bar stands for: an hour of today, or a day. */
  unit?: "hour" | "day";
}

export function HourBars({ hours, values, bad = [], unit = "hour" }: Props) {
  const { t, language } = useI18n();
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const width = 720;
  const height = 160;
  const step = width / Math.max(1, values.length);
  const name = (at: string) => {
    const date = new Date(unit === "day" ? `${at.slice(0, 10)}T00:00:00` : at);
    return unit === "day"
      ? date.toLocaleDateString(language, { day: "numeric", month: "short" })
      : date.toLocaleTimeString(language, { hour: "numeric", minute: "2-digit" });
  };
  const every = Math.max(1, Math.ceil(values.length / 8));
  const wrong = bad.some((value) => value);
  return (
    <figure className="bars card-body">
      <div className="bars-head" aria-hidden="true">
        <span className="digits">{most.toLocaleString(language)}</span>
        {wrong ? (
          <ul className="legend">
            <li>
              <span className="dot" style={{ background: "var(--series-1)" }} />
              {t("endpoints.calls")}
            </li>
            <li>
              <span className="dot" style={{ background: "var(--bad)" }} />
              {t("endpoints.errors")}
            </li>
          </ul>
        ) : null}
      </div>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {[0, 0.5, 1].map((at) => (
          <line
            key={at}
            x1="0"
            x2={width}
            y1={1 + at * (height - 2)}
            y2={1 + at * (height - 2)}
            stroke="var(--line)"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        {values.map((value, index) => {
          const tall = ((value ?? 0) / most) * (height - 4);
          const failed = Math.min(tall, ((bad[index] ?? 0) / most) * (height - 4));
          return (
            <g key={index}>
              <title>{`${name(hours[index] ?? "")}: ${(value ?? 0).toLocaleString(language)}`}</title>
              <rect x={index * step} y="0" width={step} height={height} fill="transparent" />
              {value ? (
                <rect
                  x={index * step + step * 0.12}
                  y={height - Math.max(2, tall)}
                  width={step * 0.76}
                  height={Math.max(2, tall)}
                  fill="var(--series-1)"
                />
              ) : null}
              {bad[index] ? (
                <rect
                  x={index * step + step * 0.12}
                  y={height - Math.max(2, failed)}
                  width={step * 0.76}
                  height={Math.max(2, failed)}
                  fill="var(--bad)"
                />
              ) : null}
            </g>
          );
        })}
      </svg>
      <div className="bars-axis" aria-hidden="true">
        {hours.map((at, index) =>
          index % every === 0 ? (
            <span key={at} style={{ left: `${(index / hours.length) * 100}%` }}>
              {name(at)}
            </span>
          ) : null,
        )}
      </div>
      <table className="unseen">
        <caption>{t("bars.caption")}</caption>
        <tbody>
          {hours.map((at, index) => (
            <tr key={at}>
              <th scope="row">{name(at)}</th>
              <td>{values[index] ?? 0}</td>
              <td>{bad[index] ?? 0}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
