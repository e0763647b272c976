// The icon, the colors and the layout on phones of the page at /docs. Everything else is Swagger UI's own.

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <rect width="32" height="32" rx="7" fill="#1f5f8b"/>
  <path d="M7 8h13a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3h-6l-5 4v-4H7a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3z" fill="#fff"/>
  <path d="M25 13a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3v3l-4-3h-5" fill="none" stroke="#9fd0f0" stroke-width="2"/>
</svg>
`

/** Switches to Swagger UI's dark colors with the browser. Its own switch is in the top bar, which the page omits. */
export const followColorScheme = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
`

export const styles = `/* one server, and no links between operations */
.swagger-ui .servers-title,
.swagger-ui .servers,
.swagger-ui .response-col_links,
.swagger-ui .col_header.response-col_links {
  display: none;
}
/* shows all security schemes without scrolling, if there is space */
.swagger-ui .dialog-ux .modal-ux-content {
  max-height: calc(100vh - 120px);
}
.swagger-ui .info {
  margin: 32px 0 24px;
}
.swagger-ui .scheme-container {
  padding: 16px 0;
}
.swagger-ui .renderedMarkdown code {
  color: inherit;
}
.swagger-ui .parameters input[type="text"] {
  max-width: 420px;
  width: 100%;
}
html.dark-mode body {
  background: #1c2022;
}
/* Swagger UI leaves the header of PUT light */
html.dark-mode .swagger-ui .opblock.opblock-put .opblock-section-header {
  background: #43291c;
}
@media (max-width: 640px) {
  .swagger-ui .wrapper {
    padding: 0 12px;
  }
  .swagger-ui .opblock-tag {
    flex-wrap: wrap;
    padding: 10px 0;
  }
  .swagger-ui .opblock-tag small {
    flex: 1 0 60%;
    order: 1;
    padding: 0;
  }
  .swagger-ui .parameters thead,
  .swagger-ui .responses-table thead {
    display: none;
  }
  .swagger-ui .parameters :is(tbody, tr, td),
  .swagger-ui .responses-table > tbody,
  .swagger-ui .responses-table > tbody > tr,
  .swagger-ui .responses-table > tbody > tr > td {
    display: block;
    max-width: none;
    padding: 2px 0;
    width: auto;
  }
  .swagger-ui .parameters input[type="text"] {
    max-width: 100%;
  }
}
`
