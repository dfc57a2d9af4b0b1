// A line as small as a word: how a figure went in the last hours.

interface Props {
  values: (number | null)[];
  /** Figures that are drawn over the others, such as errors over calls. */
  bad?: (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

export function Spark({ values, bad, label, width = 96, height = 24 }: Props) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = width / values.length;
  const bar = (value: number | null, index: number, color: string) => {
    if (!value) return null;
    const tall = Math.max(2, (value / most) * (height - 2));
    return (
      <rect
        key={`${color}${index}`}
        x={index * step + 0.5}
        y={height - tall}
        width={Math.max(1, step - 1.5)}
        height={tall}
        rx="1"
        fill={color}
      />
    );
  };
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
      style={{ width, height }}
    >
      <title>{label}</title>
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line-strong)" />
      {values.map((value, index) => bar(value, index, "var(--series-1)"))}
      {bad?.map((value, index) => bar(value, index, "var(--bad)"))}
    </svg>
  );
}
