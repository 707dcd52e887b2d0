-- One session of Neovim 0.7 or newer with the language server; what it saw goes to the file named in $SEEN, as JSON.
-- Everything is done through Neovim's own client: diagnostics as it keeps them, hover, an action applied, lenses.
local seen = {}

local function wait(what, holds)
  if not vim.wait(240000, holds, 50) then
    seen.missing = what
    return false
  end
  return true
end

local function finish()
  local file = io.open(vim.env.SEEN, 'w')
  file:write(vim.fn.json_encode(seen))
  file:close()
  vim.cmd('qall!')
end

local function main()
  vim.cmd('edit ' .. vim.env.SCRIPT)
  local buffer = vim.api.nvim_get_current_buf()
  local id = vim.lsp.start_client({ name = 'nl2sql-review', cmd = { vim.env.SERVER, 'server' } })
  vim.lsp.buf_attach_client(buffer, id)

  local function codes()
    local found = {}
    for _, one in ipairs(vim.diagnostic.get(buffer)) do
      found[#found + 1] = one.code or vim.tbl_get(one, 'user_data', 'lsp', 'code')
    end
    return found
  end
  if not wait('diagnostics', function() return #vim.diagnostic.get(buffer) > 0 end) then return end
  seen.before = codes()

  local row = vim.fn.search('r=R') -- the cursor is moved to it
  local place = vim.lsp.util.make_position_params(0, 'utf-16')
  local answers = vim.lsp.buf_request_sync(buffer, 'textDocument/hover', place, 240000) or {}
  seen.hover = answers[id] and answers[id].result and answers[id].result.contents.value

  local range = vim.lsp.util.make_range_params(0, 'utf-16')
  range.context = { diagnostics = {} }
  answers = vim.lsp.buf_request_sync(buffer, 'textDocument/codeAction', range, 240000) or {}
  seen.actions = {}
  local chosen
  for _, action in ipairs(answers[id] and answers[id].result or {}) do
    seen.actions[#seen.actions + 1] = action.title
    if action.kind == 'quickfix.policy.nl2sql' and action.title:find('lora/rank', 1, true) then chosen = action end
  end
  if not chosen then
    seen.missing = 'the fix of lora/rank'
    return
  end
  if not chosen.edit then
    local client = vim.lsp.get_client_by_id(id)
    chosen = client.request_sync('codeAction/resolve', chosen, 240000, buffer).result
  end
  vim.lsp.util.apply_workspace_edit(chosen.edit, 'utf-16')
  seen.text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
  wait('diagnostics after the fix', function() return not vim.tbl_contains(codes(), 'lora/rank') end)
  seen.after = codes()

  answers = vim.lsp.buf_request_sync(buffer, 'textDocument/codeLens',
    { textDocument = vim.lsp.util.make_text_document_params(buffer) }, 240000) or {}
  seen.lenses = {}
  for _, lens in ipairs(answers[id] and answers[id].result or {}) do
    seen.lenses[#seen.lenses + 1] = lens.command.title
  end
  vim.lsp.stop_client(id)
  wait('the end of the server', function() return vim.lsp.get_client_by_id(id) == nil end)
end

local fine, fault = xpcall(main, debug.traceback)
if not fine then seen.fault = fault end
finish()
