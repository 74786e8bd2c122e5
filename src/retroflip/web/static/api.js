// What the server is asked. Every failure is one sentence that the page shows.

const SILENT = "The viewer does not answer. It may have been ended: start retroflip view again, and this page goes on.";

async function answered(asking) {
  const response = await asking.catch(() => { throw new Error(SILENT); });
  const found = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Error(found.error || `The server answered ${response.status}.`);
  return found;
}

function address(path, query) {
  const given = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return `${path}?${new URLSearchParams(given.filter(([, value]) => value !== null && value !== undefined && value !== ""))}`;
}

export async function get(name, query = {}) {
  return answered(fetch(address(`api/${name}`, query)));
}

export async function post(name, query, body) {
  const headers = { "Content-Type": "application/json" };
  return answered(fetch(address(`api/${name}`, query), { method: "POST", headers, body: JSON.stringify(body) }));
}

export function media(place, path) {
  return address("media", { place, path });
}
