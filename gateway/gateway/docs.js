"use strict";
const METHODS = ["get", "head", "post", "put", "patch", "delete"];
const list = document.getElementById("list");

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function nameOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return nameOf(schema.items) + "[]";
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  return [].concat(schema.type || "").join(" | ");
}

function resolve(schema, all) {
  return schema && schema.$ref ? all[schema.$ref.split("/").pop()] : schema;
}

function table(rows) {
  const made = element("table");
  for (const cells of rows) {
    const row = element("tr");
    cells.forEach((cell, index) => row.append(element(index ? "td" : "th", cell)));
    made.append(row);
  }
  return made;
}

function fields(schema, all) {
  const whole = resolve(schema, all);
  if (!whole || !whole.properties) return element("pre", JSON.stringify(whole ?? {}, null, 2));
  const needed = new Set(whole.required || []);
  return table(Object.entries(whole.properties).map(([name, each]) => [
    name + (needed.has(name) ? " *" : ""), nameOf(each), each.description || "",
  ]));
}

function show(path, method, operation, all) {
  const box = element("details");
  const head = element("summary");
  head.append(element("span", method.toUpperCase(), "method"), element("code", path), element("span", operation.summary || ""));
  const inside = element("div", undefined, "inside");
  inside.append(element("p", operation.description || ""));
  inside.append(element("p", operation.security ? "需要登录 / sign-in needed" : "公开 / public"));
  if (operation.parameters) {
    inside.append(element("h4", "参数 / parameters"));
    inside.append(table(operation.parameters.map((each) => [
      each.name + (each.required ? " *" : ""), each.in, nameOf(each.schema), each.description || "",
    ])));
  }
  const body = operation.requestBody && Object.values(operation.requestBody.content)[0];
  if (body) inside.append(element("h4", "请求 / request " + nameOf(body.schema)), fields(body.schema, all));
  for (const [status, answer] of Object.entries(operation.responses || {})) {
    if (!/^2/.test(status)) continue;
    const content = Object.values(answer.content || {})[0];
    inside.append(element("h4", status + " " + (content ? nameOf(content.schema) : answer.description || "")));
    if (content && content.schema) inside.append(fields(content.schema, all));
  }
  box.append(head, inside);
  box.dataset.text = (method + " " + path + " " + (operation.summary || "")).toLowerCase();
  return box;
}

async function start() {
  const answer = await fetch("/v1/openapi.json");
  const found = await answer.json();
  const all = found.components.schemas;
  const groups = new Map();
  for (const [path, item] of Object.entries(found.paths)) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["-"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(show(path, method, item[method], all));
    }
  }
  list.replaceChildren();
  for (const [tag, boxes] of [...groups].sort()) list.append(element("h2", tag), ...boxes);
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const box of list.querySelectorAll("details")) box.hidden = !box.dataset.text.includes(wanted);
});

start().catch(() => list.replaceChildren(element("p", "无法读取接口文档,请稍后刷新。/ The document cannot be read now; reload shortly.")));
