;; 0: (b7) r0 = 0
;; 1: (b7) r1 = 10
;; 2: (0f) r0 += r1
;; 3: (17) r1 -= 1
;; 4: (55) if r1 != 0x0 goto pc-3
;; 5: (b7) r0 = 0
;; 6: (b7) r1 = 10
;; 7: (0f) r0 += r1
;; 8: (17) r1 -= 1
;; 9: (55) if r1 != 0x0 goto pc-3
;; 10: (95) exit
(module
  (type (;0;) (func (param i64 i64 i64 i64 i64 i32) (result i64)))
  (type (;1;) (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)))
  (type (;2;) (func (param i32 i32 i32 i32 i32) (result i64)))
  (type (;3;) (func (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 256 32768 shared))
  (import "env" "table" (table (;0;) 0 funcref))
  (import "env" "cpu_area" (global (;0;) i32))
  (func $main (type 0) (param i64 i64 i64 i64 i64 i32) (result i64)
    (local i64 i64 i64 i64 i64 i32 i32)
    loop  ;; label = @1
      block  ;; label = @2
        block  ;; label = @3
          block  ;; label = @4
            block  ;; label = @5
              block  ;; label = @6
                block  ;; label = @7
                  local.get 12
                  i32.const 16
                  i32.shr_u
                  br_table 0 (;@7;) 1 (;@6;) 2 (;@5;) 3 (;@4;) 4 (;@3;) 5 (;@2;) 0 (;@7;)
                end
                local.get 6
                local.get 0
                local.get 1
                local.get 2
                local.get 3
                local.get 4
                local.get 7
                local.get 8
                local.get 9
                local.get 10
                local.get 11
                local.get 5
                local.get 12
                i32.const 65535
                i32.and
                call 1
                local.set 12
                local.set 11
                local.set 10
                local.set 9
                local.set 8
                local.set 7
                local.set 4
                local.set 3
                local.set 2
                local.set 1
                local.set 0
                local.set 6
                local.get 12
                i32.const -1
                i32.ne
                br_if 5 (;@1;)
                local.get 6
                return
              end
              local.get 6
              local.get 0
              local.get 1
              local.get 2
              local.get 3
              local.get 4
              local.get 7
              local.get 8
              local.get 9
              local.get 10
              local.get 11
              local.get 5
              local.get 12
              i32.const 65535
              i32.and
              call 2
              local.set 12
              local.set 11
              local.set 10
              local.set 9
              local.set 8
              local.set 7
              local.set 4
              local.set 3
              local.set 2
              local.set 1
              local.set 0
              local.set 6
              local.get 12
              i32.const -1
              i32.ne
              br_if 4 (;@1;)
              local.get 6
              return
            end
            local.get 6
            local.get 0
            local.get 1
            local.get 2
            local.get 3
            local.get 4
            local.get 7
            local.get 8
            local.get 9
            local.get 10
            local.get 11
            local.get 5
            local.get 12
            i32.const 65535
            i32.and
            call 3
            local.set 12
            local.set 11
            local.set 10
            local.set 9
            local.set 8
            local.set 7
            local.set 4
            local.set 3
            local.set 2
            local.set 1
            local.set 0
            local.set 6
            local.get 12
            i32.const -1
            i32.ne
            br_if 3 (;@1;)
            local.get 6
            return
          end
          local.get 6
          local.get 0
          local.get 1
          local.get 2
          local.get 3
          local.get 4
          local.get 7
          local.get 8
          local.get 9
          local.get 10
          local.get 11
          local.get 5
          local.get 12
          i32.const 65535
          i32.and
          call 4
          local.set 12
          local.set 11
          local.set 10
          local.set 9
          local.set 8
          local.set 7
          local.set 4
          local.set 3
          local.set 2
          local.set 1
          local.set 0
          local.set 6
          local.get 12
          i32.const -1
          i32.ne
          br_if 2 (;@1;)
          local.get 6
          return
        end
        local.get 6
        local.get 0
        local.get 1
        local.get 2
        local.get 3
        local.get 4
        local.get 7
        local.get 8
        local.get 9
        local.get 10
        local.get 11
        local.get 5
        local.get 12
        i32.const 65535
        i32.and
        call 5
        local.set 12
        local.set 11
        local.set 10
        local.set 9
        local.set 8
        local.set 7
        local.set 4
        local.set 3
        local.set 2
        local.set 1
        local.set 0
        local.set 6
        local.get 12
        i32.const -1
        i32.ne
        br_if 1 (;@1;)
        local.get 6
        return
      end
      local.get 6
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 7
      local.get 8
      local.get 9
      local.get 10
      local.get 11
      local.get 5
      local.get 12
      i32.const 65535
      i32.and
      call 6
      local.set 12
      local.set 11
      local.set 10
      local.set 9
      local.set 8
      local.set 7
      local.set 4
      local.set 3
      local.set 2
      local.set 1
      local.set 0
      local.set 6
      local.get 12
      i32.const -1
      i32.ne
      br_if 0 (;@1;)
      local.get 6
      return
    end
    unreachable)
  (func $part_0_0 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    i64.const 0
    local.set 0
    i64.const 10
    local.set 1
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    local.get 5
    local.get 6
    local.get 7
    local.get 8
    local.get 9
    local.get 10
    i32.const 65536
    return
    unreachable)
  (func $part_0_1 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    local.get 0
    local.get 1
    i64.add
    local.set 0
    local.get 1
    i64.const 1
    i64.sub
    local.set 1
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    local.get 5
    local.get 6
    local.get 7
    local.get 8
    local.get 9
    local.get 10
    i32.const 131072
    return
    unreachable)
  (func $part_0_2 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    local.get 1
    i64.const 0
    i64.ne
    if  ;; label = @1
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      local.get 8
      local.get 9
      local.get 10
      i32.const 65536
      return
    end
    i64.const 0
    local.set 0
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    local.get 5
    local.get 6
    local.get 7
    local.get 8
    local.get 9
    local.get 10
    i32.const 196608
    return
    unreachable)
  (func $part_0_3 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    loop  ;; label = @1
      block  ;; label = @2
      end
      block  ;; label = @2
        block  ;; label = @3
          block  ;; label = @4
            local.get 12
            i32.const 32767
            i32.and
            br_table 0 (;@4;) 1 (;@3;) 2 (;@2;) 0 (;@4;)
          end
          i64.const 10
          local.set 1
        end
        local.get 0
        local.get 1
        i64.add
        local.set 0
      end
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      local.get 8
      local.get 9
      local.get 10
      i32.const 262144
      return
    end
    unreachable)
  (func $part_0_4 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    local.get 1
    i64.const 1
    i64.sub
    local.set 1
    local.get 1
    i64.eqz
    if  ;; label = @1
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      local.get 8
      local.get 9
      local.get 10
      i32.const 327680
      return
    end
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    local.get 5
    local.get 6
    local.get 7
    local.get 8
    local.get 9
    local.get 10
    i32.const 196609
    return
    unreachable)
  (func $part_0_5 (type 1) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32 i32) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32)
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    local.get 5
    local.get 6
    local.get 7
    local.get 8
    local.get 9
    local.get 10
    i32.const -1
    return
    unreachable)
  (func $parts (type 2) (param i32 i32 i32 i32 i32) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    loop  ;; label = @1
      block  ;; label = @2
        local.get 0
        i64.extend_i32_u
        local.set 5
        local.get 5
        local.get 6
        local.get 7
        local.get 8
        local.get 9
        local.get 3
        i32.const 0
        i32.add
        call 0
        local.set 10
        br 0 (;@2;)
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
        call 7
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
  (export "run" (func 8))
  (export "main" (func 7)))
