import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";
import "./styles/result.css";
import "./styles/views.css";
import "./styles/editor.css";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { again } from "./api/queries";
import { App } from "./app";
import { base } from "./lib/base";
import { I18n } from "./lib/i18n";
import { arrive } from "./lib/link";
import { begin } from "./lib/session";
import { applyTheme } from "./lib/theme";

applyTheme();
void begin(arrive());

const client = new QueryClient({
  queryCache: new QueryCache(),
  mutationCache: new MutationCache(),
  defaultOptions: { queries: { retry: again, staleTime: 5_000, refetchOnWindowFocus: true } },
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <I18n>
      <QueryClientProvider client={client}>
        <Router base={base}>
          <App />
        </Router>
      </QueryClientProvider>
    </I18n>
  </StrictMode>,
);
