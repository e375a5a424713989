;; 0: (61) r0 = *(u32 *)(r1 +4)
;; 1: (95) exit
(module
  (type (;0;) (func (param i64 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32 i32) (result i32)))
  (type (;2;) (func (param i64) (result i32)))
  (type (;3;) (func (param i64 i32) (result i32)))
  (type (;4;) (func (param i32 i32 i32 i32 i32) (result i64)))
  (type (;5;) (func (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 256 32768 shared))
  (import "env" "table" (table (;0;) 0 funcref))
  (import "env" "cpu_area" (global (;0;) i32))
  (func $fault (type 0) (param i64 i32 i32)
    global.get 0
    local.get 0
    i64.store offset=56 align=1
    global.get 0
    local.get 1
    i32.store offset=64 align=1
    global.get 0
    local.get 2
    i32.store offset=68 align=1
    unreachable)
  (func $check_read (type 1) (param i64 i32 i32 i32 i32) (result i32)
    (local i32 i32 i32)
    local.get 0
    i32.wrap_i64
    local.set 5
    local.get 0
    i64.const 32
    i64.shr_u
    i64.eqz
    if  ;; label = @1
      global.get 0
      i32.load offset=16 align=1
      i32.const 4096
      i32.mul
      global.get 0
      i32.const CPU.stack
      i32.add
      i32.add
      local.set 6
      local.get 1
      local.get 2
      i32.const 512
      i32.add
      local.get 6
      i32.sub
      i32.le_u
      local.get 5
      local.get 6
      i32.sub
      local.get 2
      i32.const 512
      i32.add
      local.get 6
      i32.sub
      local.get 1
      i32.sub
      i32.le_u
      i32.and
      if  ;; label = @2
        local.get 5
        return
      end
      local.get 1
      local.get 4
      i32.le_u
      local.get 5
      local.get 3
      i32.sub
      local.get 4
      local.get 1
      i32.sub
      i32.le_u
      i32.and
      if  ;; label = @2
        local.get 5
        return
      end
      local.get 3
      i32.load align=1
      local.set 6
      local.get 3
      i32.load offset=4 align=1
      local.get 6
      i32.sub
      local.set 7
      local.get 7
      i32.const 0
      i32.ge_s
      local.get 1
      local.get 7
      i32.le_u
      local.get 5
      local.get 6
      i32.sub
      local.get 7
      local.get 1
      i32.sub
      i32.le_u
      i32.and
      i32.and
      if  ;; label = @2
        local.get 5
        return
      end
      local.get 3
      i32.load offset=8 align=1
      if  ;; label = @2
        local.get 3
        i32.load offset=8 align=1
        local.set 6
        local.get 3
        i32.load offset=4 align=1
        local.get 6
        i32.sub
        local.set 7
        local.get 7
        i32.const 0
        i32.ge_s
        local.get 1
        local.get 7
        i32.le_u
        local.get 5
        local.get 6
        i32.sub
        local.get 7
        local.get 1
        i32.sub
        i32.le_u
        i32.and
        i32.and
        if  ;; label = @3
          local.get 5
          return
        end
      end
    end
    local.get 0
    local.get 1
    i32.const 1
    call 0
    unreachable)
  (func $check_write (type 1) (param i64 i32 i32 i32 i32) (result i32)
    (local i32 i32 i32)
    local.get 0
    i32.wrap_i64
    local.set 5
    local.get 0
    i64.const 32
    i64.shr_u
    i64.eqz
    if  ;; label = @1
      global.get 0
      i32.load offset=16 align=1
      i32.const 4096
      i32.mul
      global.get 0
      i32.const CPU.stack
      i32.add
      i32.add
      local.set 6
      local.get 1
      local.get 2
      i32.const 512
      i32.add
      local.get 6
      i32.sub
      i32.le_u
      local.get 5
      local.get 6
      i32.sub
      local.get 2
      i32.const 512
      i32.add
      local.get 6
      i32.sub
      local.get 1
      i32.sub
      i32.le_u
      i32.and
      if  ;; label = @2
        local.get 5
        return
      end
      local.get 3
      i32.load align=1
      local.set 6
      local.get 3
      i32.load offset=4 align=1
      local.get 6
      i32.sub
      local.set 7
      local.get 7
      i32.const 0
      i32.ge_s
      local.get 1
      local.get 7
      i32.le_u
      local.get 5
      local.get 6
      i32.sub
      local.get 7
      local.get 1
      i32.sub
      i32.le_u
      i32.and
      i32.and
      if  ;; label = @2
        local.get 5
        return
      end
      local.get 3
      i32.load offset=8 align=1
      if  ;; label = @2
        local.get 3
        i32.load offset=8 align=1
        local.set 6
        local.get 3
        i32.load offset=4 align=1
        local.get 6
        i32.sub
        local.set 7
        local.get 7
        i32.const 0
        i32.ge_s
        local.get 1
        local.get 7
        i32.le_u
        local.get 5
        local.get 6
        i32.sub
        local.get 7
        local.get 1
        i32.sub
        i32.le_u
        i32.and
        i32.and
        if  ;; label = @3
          local.get 5
          return
        end
      end
    end
    local.get 0
    local.get 1
    i32.const 2
    call 0
    unreachable)
  (func $check_atomic (type 1) (param i64 i32 i32 i32 i32) (result i32)
    (local i32)
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    call 2
    local.tee 5
    local.get 1
    i32.const 1
    i32.sub
    i32.and
    if  ;; label = @1
      local.get 0
      local.get 1
      i32.const 3
      call 0
    end
    local.get 5
    return
    unreachable)
  (func $check_map (type 2) (param i64) (result i32)
    local.get 0
    i32.const 0
    i32.const 5
    call 0
    unreachable)
  (func $check_context (type 3) (param i64 i32) (result i32)
    local.get 0
    local.get 1
    i64.extend_i32_u
    i64.ne
    if  ;; label = @1
      local.get 0
      i32.const 0
      i32.const 6
      call 0
    end
    local.get 1
    return
    unreachable)
  (func $checked (type 4) (param i32 i32 i32 i32 i32) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    loop  ;; label = @1
      block  ;; label = @2
        i64.const 0
        local.set 10
        i64.const 0
        local.set 5
        i64.const 0
        local.set 6
        i64.const 0
        local.set 7
        i64.const 0
        local.set 8
        i64.const 0
        local.set 9
        i64.const 0
        local.set 11
        i64.const 0
        local.set 12
        i64.const 0
        local.set 13
        i64.const 0
        local.set 14
        local.get 0
        i64.extend_i32_u
        local.set 5
        local.get 5
        i64.const 4
        i64.add
        i32.const 4
        local.get 3
        local.get 0
        local.get 1
        call 1
        i64.load32_u align=1
        local.set 10
        br 0 (;@2;)
        unreachable
      end
      local.get 2
      i32.const 1
      i32.sub
      local.tee 2
      br_if 0 (;@1;)
    end
    local.get 10)
  (func $run (type 5) (param i32 i32 i32) (result i32)
    (local i32 i64 i32)
    local.get 2
    i32.eqz
    if  ;; label = @1
      i32.const 1
      local.set 2
    end
    global.get 0
    i32.const CPU.stack
    i32.add
    global.get 0
    i32.load offset=16 align=1
    i32.const 4096
    i32.mul
    i32.add
    local.set 5
    block  ;; label = @1
      loop  ;; label = @2
        i32.const CPU.doorbell
        local.get 2
        local.get 2
        i32.const CPU.doorbell
        i32.gt_u
        select
        local.set 3
        local.get 0
        local.get 1
        local.get 3
        local.get 5
        i32.const 0
        call 6
        local.set 4
        local.get 2
        local.get 3
        i32.sub
        local.tee 2
        i32.eqz
        br_if 1 (;@1;)
        br 0 (;@2;)
      end
    end
    global.get 0
    local.get 4
    i64.store offset=CPU.retval align=1
    local.get 4
    i32.wrap_i64)
  (export "run" (func 7))
  (export "main" (func 6)))
