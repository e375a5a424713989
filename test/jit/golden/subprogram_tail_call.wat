;; 0: (85) call pc+1
;; 1: (95) exit
;; 2: (18) r2 = 0x1
;; 4: (b7) r3 = 2
;; 5: (85) call bpf_tail_call#12
;; 6: (b7) r0 = 1
;; 7: (95) exit
(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64 i64 i64 i64 i32) (result i64)))
  (type (;2;) (func (param i32 i32 i32 i32 i32) (result i64)))
  (type (;3;) (func (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 256 32768 shared))
  (import "env" "table" (table (;0;) 0 funcref))
  (import "env" "cpu_area" (global (;0;) i32))
  (import "env" "programs" (table (;1;) 0 funcref))
  (import "js" "tail_call_program" (func (;0;) (type 0)))
  (func $sub_2 (type 1) (param i64 i64 i64 i64 i64 i32) (result i64)
    (local i64 i64 i64 i64 i64 i32 i32 i32 i32)
    i64.const 2097152
    local.set 1
    i64.const 2
    local.set 2
    i32.const 2097152
    local.set 11
    local.get 2
    i32.wrap_i64
    local.set 12
    block  ;; label = @1
      local.get 11
      i32.load align=1
      i32.const 3
      i32.ne
      br_if 0 (;@1;)
      local.get 12
      local.get 11
      i32.load offset=12 align=1
      i32.ge_u
      br_if 0 (;@1;)
      global.get 0
      global.get 0
      i32.load offset=16 align=1
      i32.const 2
      i32.shl
      i32.add
      i32.load offset=CPU.tailCalls align=1
      local.set 13
      local.get 13
      i32.const 33
      i32.ge_u
      br_if 0 (;@1;)
      local.get 11
      i32.load offset=32 align=1
      local.get 12
      i32.const 3
      i32.shl
      i32.add
      i32.atomic.load
      local.set 14
      local.get 14
      i32.eqz
      br_if 0 (;@1;)
      global.get 0
      local.get 14
      i32.const 1023
      i32.and
      i32.const 2
      i32.shl
      i32.add
      i32.load offset=CPU.programTags align=1
      local.get 14
      i32.ne
      if  ;; label = @2
        local.get 14
        call 0
        i32.eqz
        br_if 1 (;@1;)
      end
      local.get 13
      i32.const 1
      i32.add
      local.set 13
      global.get 0
      global.get 0
      i32.load offset=16 align=1
      i32.const 2
      i32.shl
      i32.add
      local.get 13
      i32.store offset=CPU.tailCalls align=1
      local.get 0
      i32.wrap_i64
      i32.const 0
      i32.const 1
      local.get 5
      local.get 13
      local.get 14
      i32.const 1023
      i32.and
      return_call_indirect (type 2)
    end
    i64.const 0
    local.set 6
    i64.const 1
    local.set 6
    local.get 6
    return
    unreachable)
  (func $subprogram_tail_call (type 2) (param i32 i32 i32 i32 i32) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    loop  ;; label = @1
      block  ;; label = @2
        global.get 0
        global.get 0
        i32.load offset=16 align=1
        i32.const 2
        i32.shl
        i32.add
        local.get 4
        i32.store offset=CPU.tailCalls align=1
        local.get 0
        i64.extend_i32_u
        local.set 5
        local.get 5
        local.get 6
        local.get 7
        local.get 8
        local.get 9
        local.get 3
        i32.const 512
        i32.add
        call 1
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
  (func $run (type 3) (param i32 i32 i32) (result i32)
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
        call 2
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
  (export "run" (func 3))
  (export "main" (func 2)))
