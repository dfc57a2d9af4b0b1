// What fails while it is drawn shows its error in its place, and the rest of the page stays.
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { Component, type ReactNode } from "react";
import { useLocation } from "wouter";
import { Failure } from "./parts";

interface Props {
  children: ReactNode;
  place: string;
  reset: () => void;
}

class Catch extends Component<Props, { error: unknown; place: string }> {
  override state = { error: null as unknown, place: "" };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override componentDidUpdate(before: Props) {
    if (before.place !== this.props.place && this.state.error) this.again();
  }
  again = () => {
    this.props.reset();
    this.setState({ error: null });
  };
  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="page">
        <Failure error={this.state.error} again={this.again} />
      </div>
    );
  }
}

export function Boundary({ children }: { children: ReactNode }) {
  const { reset } = useQueryErrorResetBoundary();
  const [place] = useLocation();
  return (
    <Catch place={place} reset={reset}>
      {children}
    </Catch>
  );
}
