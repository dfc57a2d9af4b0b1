// Endpoints as the API names them: COMPANY/NAMESPACE/NAME.

/** An endpoint's name as a company's own people say it: without the company before it, unless it is another one. */
export const toOwn = (endpoint: string, company: string): string =>
  endpoint.startsWith(`${company}/`) && endpoint.split("/").length === 3
    ? endpoint.slice(company.length + 1)
    : endpoint;

/** Where its page is. One that another company shares has it beside the company's own. */
export const pageOf = (endpoint: string): string => `/endpoints/${endpoint.split("/").slice(-2).join("/")}`;
