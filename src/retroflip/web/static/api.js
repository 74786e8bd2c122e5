// What the server is asked. Every failure is one sentence that the page shows.

async function answered(response) {
  const found = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Error(found.error || `The server answered ${response.status}.`);
  return found;
}

function address(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `${path}?${new URLSearchParams(given)}`;
}

export async function get(name, query = {}) {
  return answered(await fetch(address(`api/${name}`, query)));
}

export async function post(name, query, body) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch(address(`api/${name}`, query), { method: "POST", headers, body: JSON.stringify(body) }));
}

export function media(place, path) {
  return address("media", { place, path });
}
