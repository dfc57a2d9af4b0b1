import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config({ ignores: ["dist", "node_modules"] }, ...tseslint.configs.strict, {
  files: ["**/*.ts", "**/*.tsx"],
  plugins: { "react-hooks": reactHooks },
  rules: {
    ...reactHooks.configs.recommended.rules,
    "@typescript-eslint/no-non-null-assertion": "off",
    "react-hooks/incompatible-library": "off", // there is no compiler here that would memoize
    // Nothing that the server or a user has written becomes HTML.
    "no-restricted-syntax": [
      "error",
      { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Make elements of it." },
      {
        selector: "AssignmentExpression > MemberExpression[property.name=/^(inner|outer)HTML$/]",
        message: "Make elements of it.",
      },
      {
        selector: "MemberExpression[object.name=/^(local|session)Storage$/]",
        message: "lib/keep.ts says what may be kept.",
      },
    ],
  },
});
