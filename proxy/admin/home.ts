/** The home page: every endpoint with a link or a button, and a field for each of its parameters. */
import type { Endpoint, Parameter } from './endpoints.ts';

const style = `
.home-table { font-family: sans-serif; font-size: medium; border-collapse: collapse; border-spacing: 0; }
.home-data { text-align: left; padding: 4px; }
.home-form { margin-bottom: 0; }
.button-as-link { background: none; border: none; padding: 0; font: inherit; color: #069; text-decoration: underline; cursor: pointer; }
.gray { background-color: #dddddd; }
.option { padding: 4px 4px 4px 20px; text-align: right; }
`;

/** The whole page. */
export function homePage(endpoints: readonly Endpoint[]): string {
  const rows = endpoints.filter(({ path }) => path !== '/').map(row);
  return `<!DOCTYPE html>
<html lang='en'>
<head>
  <title>Proxy Admin</title>
  <style>${style}</style>
</head>
<body>
  <table class='home-table'>
    <thead>
      <tr>
        <th class='home-data'>Command</th>
        <th class='home-data'>Description</th>
      </tr>
    </thead>
    <tbody>
${rows.join('')}    </tbody>
  </table>
</body>
</html>
`;
}

function row({ path, help, mutates, parameters = [] }: Endpoint, index: number): string {
  const name = path.slice(1);
  const shade = index % 2 === 0 ? " class='gray'" : '';
  return `<tr${shade}>
  <td class='home-data'>${mutates || parameters.length > 0 ? form(name, mutates === true) : `<a href='${name}'>${name}</a>`}</td>
  <td class='home-data'>${escapeHtml(help)}</td>
</tr>
${parameters.map(parameter => option(name, parameter, shade)).join('')}`;
}

function form(name: string, mutates: boolean): string {
  const button = mutates ? `<button>${name}</button>` : `<button class='button-as-link'>${name}</button>`;
  return `<form action='${name}' method='${mutates ? 'post' : 'get'}' id='${name}' class='home-form'>
    ${button}
  </form>`;
}

function option(endpoint: string, parameter: Parameter, shade: string): string {
  const id = `param-${endpoint.replace('/', '-')}-${parameter.name}`;
  return `<tr${shade}>
  <td class='option'>${input(endpoint, parameter, id)}</td>
  <td class='home-data'><label for='${id}'>${escapeHtml(parameter.help)}</label></td>
</tr>
`;
}

function input(endpoint: string, { name, kind, oneOf = [] }: Parameter, id: string): string {
  const common = `name='${name}' id='${id}' form='${endpoint}'`;
  if (kind === 'boolean') return `<input type='checkbox' ${common}>`;
  if (kind === 'string') return `<input type='text' ${common} />`;
  return `<select ${common}>${oneOf.map(value => `<option value='${value}'>${value}</option>`).join('')}</select>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, character => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '');
}
